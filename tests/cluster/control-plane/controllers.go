// kube-controller-manager (garbage collection, namespaces, ServiceAccounts, Jobs, Deployments...) and kube-scheduler.
// Neither opens a port and neither elects a leader: there is one of each.
package main

import (
	"context"
	"fmt"
	"path/filepath"

	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controlleroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduling "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func startControllers(ctx context.Context, set settings, keys keys, server string, ended chan<- error) error {
	kubeconfigs := map[string]string{}
	for _, identity := range []string{controllerManager, scheduler} {
		path := filepath.Join(set.dir, "pki", identity+".kubeconfig")
		if err := keys.writeKubeconfig(path, server, identity); err != nil {
			return err
		}
		kubeconfigs[identity] = path
	}
	if err := startControllerManager(ctx, keys, kubeconfigs[controllerManager], ended); err != nil {
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	if err := startScheduler(ctx, kubeconfigs[scheduler], ended); err != nil {
		return fmt.Errorf("kube-scheduler: %w", err)
	}
	return nil
}

func startControllerManager(ctx context.Context, keys keys, kubeconfig string, ended chan<- error) error {
	manager, err := controlleroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, off, aliases := controllers.KnownControllers(), controllers.ControllersDisabledByDefault(), controllers.ControllerAliases()
	flags := parsed(manager.Flags(known, off, aliases))
	err = flags.Parse([]string{
		"--kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		// Each controller under its own ServiceAccount, as clusters have it.
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + keys.path("sa.key"),
		"--root-ca-file=" + keys.path("ca.crt"),
		"--cluster-signing-cert-file=" + keys.path("ca.crt"),
		"--cluster-signing-key-file=" + keys.path("ca.key"),
	})
	if err != nil {
		return err
	}
	config, err := manager.Config(ctx, known, off, aliases)
	if err != nil {
		return err
	}
	go func() {
		err := controllers.Run(ctx, config.Complete())
		if ctx.Err() == nil {
			ended <- fmt.Errorf("kube-controller-manager has ended: %w", err)
		}
	}()
	return nil
}

func startScheduler(ctx context.Context, kubeconfig string, ended chan<- error) error {
	opts := scheduleroptions.NewOptions()
	flags := parsed(*opts.Flags)
	if err := flags.Parse([]string{"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0"}); err != nil {
		return err
	}
	config, scheduler, err := scheduling.Setup(ctx, opts)
	if err != nil {
		return err
	}
	go func() {
		err := scheduling.Run(ctx, config, scheduler)
		if ctx.Err() == nil {
			ended <- fmt.Errorf("kube-scheduler has ended: %w", err)
		}
	}()
	return nil
}
