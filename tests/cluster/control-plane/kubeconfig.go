// Identities: the authority that signs, the key of ServiceAccount tokens, and one bearer token for each person or part
// that talks to the API server. Made once for a folder and read again ever after.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/csv"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// The names under which the audit log shows who asked.
const (
	administrator     = "admin"
	controllerManager = "system:kube-controller-manager"
	scheduler         = "system:kube-scheduler"
	nodeAgent         = "fake-node"
)

// The group of each identity. An empty one has what RBAC binds to its name.
var groups = map[string]string{
	administrator:     "system:masters",
	controllerManager: "",
	scheduler:         "",
	nodeAgent:         "system:masters",
}

type keys struct {
	dir    string
	tokens map[string]string
}

func (k keys) path(name string) string { return filepath.Join(k.dir, name) }

// client is the configuration with which a part in this process talks to the API server.
func (k keys) client(server, identity string) *rest.Config {
	return &rest.Config{
		Host:            server,
		BearerToken:     k.tokens[identity],
		TLSClientConfig: rest.TLSClientConfig{CAFile: k.path("ca.crt")},
		// The node answers for many pods at once; the default of 5 requests a second is for careful strangers.
		QPS: 100, Burst: 200,
	}
}

// writeKubeconfig writes a file that needs no other one: it can be copied anywhere.
func (k keys) writeKubeconfig(path, server, identity string) error {
	authority, err := os.ReadFile(k.path("ca.crt"))
	if err != nil {
		return err
	}
	config := api.NewConfig()
	config.Clusters["control-plane"] = &api.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[identity] = &api.AuthInfo{Token: k.tokens[identity]}
	config.Contexts["control-plane"] = &api.Context{Cluster: "control-plane", AuthInfo: identity}
	config.CurrentContext = "control-plane"
	return clientcmd.WriteToFile(*config, path)
}

func loadOrMakeKeys(dir string) (keys, error) {
	k := keys{dir: dir, tokens: map[string]string{}}
	if _, err := os.Stat(k.path("tokens.csv")); errors.Is(err, fs.ErrNotExist) {
		// The tokens come last: a folder that was left half made is made anew.
		if err := errors.Join(os.MkdirAll(dir, 0o700), k.makeCertificates(), k.makeTokens()); err != nil {
			return k, err
		}
	}
	file, err := os.Open(k.path("tokens.csv"))
	if err != nil {
		return k, err
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	for _, row := range rows {
		k.tokens[row[1]] = row[0]
	}
	return k, err
}

// makeTokens writes the file that kube-apiserver reads: token, name, UID, groups.
func (k keys) makeTokens() error {
	var text string
	for identity, group := range groups {
		text += fmt.Sprintf("%s,%s,%s", rand.Text(), identity, identity)
		if group != "" {
			text += "," + group
		}
		text += "\n"
	}
	unfinished := k.path("tokens.csv.new")
	return errors.Join(os.WriteFile(unfinished, []byte(text), 0o600), os.Rename(unfinished, k.path("tokens.csv")))
}

func (k keys) makeCertificates() error {
	authority := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "control-plane"},
		IsCA:     true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	authorityKey, err := k.makePair("ca", authority, authority, nil)
	if err != nil {
		return err
	}
	serving := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	_, err = k.makePair("apiserver", serving, authority, authorityKey)
	// Tokens of ServiceAccounts are signed with a key of its own; nobody looks at the certificate beside it.
	accounts := &x509.Certificate{Subject: pkix.Name{CommonName: "service-accounts"}}
	_, accountsErr := k.makePair("sa", accounts, authority, authorityKey)
	return errors.Join(err, accountsErr)
}

// makePair writes NAME.crt and NAME.key. Without a signer the certificate signs itself.
func (k keys) makePair(name string, subject, issuer *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if signer == nil {
		signer = key
	}
	subject.SerialNumber = big.NewInt(time.Now().UnixNano())
	subject.NotBefore = time.Now().Add(-time.Hour)
	subject.NotAfter = time.Now().AddDate(10, 0, 0)
	subject.BasicConstraintsValid = true
	certificate, err := x509.CreateCertificate(rand.Reader, subject, issuer, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	write := func(suffix, kind string, bytes []byte) error {
		return os.WriteFile(k.path(name+suffix), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600)
	}
	return key, errors.Join(write(".crt", "CERTIFICATE", certificate), write(".key", "EC PRIVATE KEY", private))
}
