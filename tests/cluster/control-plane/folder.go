// The folder of the state: who has it, and which port belongs to it.
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// claim takes the folder for this process. The system gives it back when the process ends, however it ends.
func claim(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("--dir: a control plane is running on %s; end it, or take another folder", dir)
	}
	return file, nil
}

// listen opens the API server's port and remembers it in the folder, so that the address that clients have stays true
// when the control plane is started again.
func listen(dir string, port int) (net.Listener, error) {
	memory := filepath.Join(dir, "port")
	if text, err := os.ReadFile(memory); err == nil && port == 0 {
		if port, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return nil, fmt.Errorf("%s: %w", memory, err)
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("--port: %w", err)
	}
	port = listener.Addr().(*net.TCPAddr).Port
	return listener, os.WriteFile(memory, []byte(strconv.Itoa(port)+"\n"), 0o600)
}
