// The control plane of a Kubernetes cluster in one process on loopback, for tests that need the real thing: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and a node that only pretends.
//
// This file: the flags, the order in which the parts start, and the end. The state lies in one folder. A control plane
// that is killed and started again on its folder goes on where it was, under the same address, with the same
// authority, tokens and keys: what a client was given stays valid.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
)

const usage = `control-plane: a Kubernetes control plane on loopback, for tests

  control-plane --dir DIR [--port PORT] [--kubeconfig FILE] [--audit-log FILE]

Prints "ready: KUBECONFIG=FILE" as soon as /readyz answers and the node is Ready, and then runs until SIGTERM or SIGINT.
SIGKILL does no harm: start it again with the same --dir. To set etcd back to an earlier state, end it, replace DIR/etcd
with a copy that was taken while it was ended, and start it again.

KUBEBUILDER_ASSETS=FOLDER takes etcd and kube-apiserver as programs from that folder instead of the ones built in.

`

// How long after the signal the parts may take to end by themselves.
const patience = 3 * time.Second

// settings is what a person decides.
type settings struct {
	dir, kubeconfig, auditLog, assets string
	port                              int
}

func main() {
	set := settings{assets: os.Getenv("KUBEBUILDER_ASSETS")}
	// A set of our own: the libraries of the parts put flags into the common one.
	flags := flag.NewFlagSet("control-plane", flag.ExitOnError)
	flags.StringVar(&set.dir, "dir", "", "folder of the state; made if it is not there, continued if it is")
	flags.IntVar(&set.port, "port", 0, "port of the API server; 0 = the one the folder had before, else a free one")
	flags.StringVar(&set.kubeconfig, "kubeconfig", "", "where to write the administrator's kubeconfig (default DIR/kubeconfig)")
	flags.StringVar(&set.auditLog, "audit-log", "", "where to append the audit log, a JSON object per request (default DIR/audit.log)")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	// It ends the process on a mistake.
	_ = flags.Parse(os.Args[1:])
	err := errors.New("--dir DIR is needed and nothing besides flags is read; see --help")
	if set.dir != "" && flags.NArg() == 0 {
		err = run(set)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		os.Exit(1)
	}
	// Some parts have goroutines that nothing ends; they end here.
	os.Exit(0)
}

func run(set settings) error {
	dir, err := filepath.Abs(set.dir)
	if err != nil {
		return err
	}
	set.dir = dir
	if set.kubeconfig == "" {
		set.kubeconfig = filepath.Join(dir, "kubeconfig")
	}
	if set.auditLog == "" {
		set.auditLog = filepath.Join(dir, "audit.log")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := claim(dir)
	if err != nil {
		return err
	}
	defer lock.Close()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended, err := start(ctx, set)
	if err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// Whoever asked twice does not want to wait.
	stop()
	select {
	case <-ended:
	case <-time.After(patience):
		fmt.Fprintln(os.Stderr, "control-plane: not every part ended in time; ending all the same")
	}
	return nil
}

// start starts the parts in their order and prints the line for which callers wait. The channel tells which part has
// ended, and after ctx is done, that the ones with state have.
func start(ctx context.Context, set settings) (<-chan error, error) {
	listener, err := listen(set.dir, set.port)
	if err != nil {
		return nil, err
	}
	server := "https://" + listener.Addr().String()
	keys, err := loadOrMakeKeys(filepath.Join(set.dir, "pki"))
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 8)
	// etcd ends last: the API server writes until it has ended.
	etcdCtx, stopEtcd := context.WithCancel(context.WithoutCancel(ctx))
	endpoint, etcdEnded, err := startEtcd(etcdCtx, set)
	if err != nil {
		stopEtcd()
		return nil, fmt.Errorf("etcd: %w", err)
	}
	apiEnded, err := startAPIServer(ctx, set, keys, endpoint, listener)
	if err != nil {
		stopEtcd()
		return nil, fmt.Errorf("kube-apiserver: %w", err)
	}
	go func() {
		defer stopEtcd()
		select {
		case err := <-apiEnded:
			if ctx.Err() == nil {
				ended <- fmt.Errorf("kube-apiserver has ended: %w", err)
				return
			}
			stopEtcd()
			ended <- <-etcdEnded
		case err := <-etcdEnded:
			ended <- fmt.Errorf("etcd has ended: %w", err)
		}
	}()
	if err := keys.writeKubeconfig(set.kubeconfig, server, administrator); err != nil {
		return nil, err
	}
	client := func(identity string) *rest.Config { return keys.client(server, identity) }
	if err := waitUntilReady(ctx, client(administrator), ended); err != nil {
		return nil, err
	}
	if err := startControllers(ctx, set, keys, server, ended); err != nil {
		return nil, err
	}
	if err := startNode(ctx, client(nodeAgent)); err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	fmt.Printf("ready: KUBECONFIG=%s\n", set.kubeconfig)
	return ended, nil
}
