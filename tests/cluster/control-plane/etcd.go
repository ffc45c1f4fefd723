// etcd: one member, in this process, or as a program of KUBEBUILDER_ASSETS. Its data lies in DIR/etcd.
package main

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd answers with the address of the member and a channel that tells its end.
func startEtcd(ctx context.Context, set settings) (string, <-chan error, error) {
	if set.assets != "" {
		return startEtcdProgram(ctx, set)
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(set.dir, "etcd")
	config.LogLevel = "error"
	// A killed process loses nothing by this; only a machine that loses its power would.
	config.UnsafeNoFsync = true
	// Port 0: any free one. Nobody but the API server of this process is told which. The peer's is never used, and the
	// data remember it, so that it has to read the same at every start.
	anyPort := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{anyPort}, []url.URL{anyPort}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{anyPort}, []url.URL{anyPort}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	member, err := embed.StartEtcd(config)
	if err != nil {
		return "", nil, err
	}
	select {
	case <-member.Server.ReadyNotify():
	case err := <-member.Err():
		return "", nil, err
	case <-ctx.Done():
		member.Close()
		return "", nil, ctx.Err()
	}
	ended := make(chan error, 1)
	go func() {
		select {
		case err := <-member.Err():
			ended <- errors.Join(err, errors.New("see its log above"))
		case <-ctx.Done():
			member.Close()
			ended <- nil
		}
	}()
	return "http://" + member.Clients[0].Addr().String(), ended, nil
}
