// Programs of KUBEBUILDER_ASSETS in place of what is built in: a folder with etcd and kube-apiserver, as the tests of
// other operators have it. They end with this process, however it ends (Linux sees to it).
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// startProgram starts a program whose end the channel tells.
func startProgram(ctx context.Context, program string, arguments ...string) (<-chan error, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = patience / 2
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		// The signal at the parent's death comes when the thread that started the child ends: keep the thread.
		runtime.LockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			ended <- errors.Join(command.Wait(), errors.New("see its log above"))
		}
	}()
	return ended, <-started
}

func startEtcdProgram(ctx context.Context, set settings) (string, <-chan error, error) {
	client, err := freePort()
	if err != nil {
		return "", nil, err
	}
	endpoint := "http://" + client
	ended, err := startProgram(ctx, filepath.Join(set.assets, "etcd"),
		"--data-dir="+filepath.Join(set.dir, "etcd"), "--log-level=error", "--unsafe-no-fsync",
		"--listen-client-urls="+endpoint, "--advertise-client-urls="+endpoint,
		"--listen-peer-urls=http://127.0.0.1:0", "--initial-advertise-peer-urls=http://127.0.0.1:0",
		"--initial-cluster=default=http://127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	for deadline := time.Now().Add(startup); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(endpoint + "/health")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return endpoint, ended, nil
			}
		}
		select {
		case err := <-ended:
			return "", nil, err
		default:
		}
	}
	return "", nil, fmt.Errorf("%s/health did not answer within %s", endpoint, startup)
}

// freePort answers with an address on loopback that was free a moment ago.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
