// kube-apiserver: RBAC decides, every request is written to the audit log, admission policies are on as they are by
// default. In this process, or as a program of KUBEBUILDER_ASSETS with the same flags.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// How long a slow machine may take until /readyz answers.
const startup = 10 * time.Minute

func apiServerFlags(set settings, keys keys, etcd string, port int) []string {
	return []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		// Loopback is no address that a Service may lead to: the Service "kubernetes" stays without one.
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + keys.dir,
		"--tls-cert-file=" + keys.path("apiserver.crt"),
		"--tls-private-key-file=" + keys.path("apiserver.key"),
		"--client-ca-file=" + keys.path("ca.crt"),
		"--token-auth-file=" + keys.path("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keys.path("sa.key"),
		"--service-account-signing-key-file=" + keys.path("sa.key"),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--audit-policy-file=" + filepath.Join(set.dir, "audit-policy.yaml"),
		"--audit-log-path=" + set.auditLog,
		// Megabytes after which the log would be put aside: whoever counts requests wants one file.
		"--audit-log-maxsize=100000",
	}
}

// startAPIServer answers at once; see waitUntilReady. The channel tells its end.
func startAPIServer(ctx context.Context, set settings, keys keys, etcd string, listener net.Listener) (<-chan error, error) {
	if err := os.WriteFile(filepath.Join(set.dir, "audit-policy.yaml"), auditPolicy, 0o600); err != nil {
		return nil, err
	}
	arguments := apiServerFlags(set, keys, etcd, listener.Addr().(*net.TCPAddr).Port)
	if set.assets != "" {
		// The program opens the port itself.
		listener.Close()
		return startProgram(ctx, filepath.Join(set.assets, "kube-apiserver"), arguments...)
	}
	server := options.NewServerRunOptions()
	flags := parsed(server.Flags())
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	server.SecureServing.Listener = listener
	// The gates are shared by all parts of this process, and are fixed here for all.
	if err := server.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	completed, err := server.Complete(ctx)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return nil, utilerrors.NewAggregate(errs)
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, completed) }()
	return ended, nil
}

// parsed makes one set of all the sets of flags of a part.
func parsed(sets flag.NamedFlagSets) *pflag.FlagSet {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	return all
}

func waitUntilReady(ctx context.Context, config *rest.Config, ended <-chan error) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	said := errors.New("no answer yet")
	deadline := time.After(startup)
	for {
		answer, err := client.Get(config.Host + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		said = err
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case <-deadline:
			return fmt.Errorf("/readyz of kube-apiserver did not answer within %s: %w", startup, said)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
