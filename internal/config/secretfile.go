package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// secretPair is a secret that can be given by itself or by a file that holds it.
type secretPair struct {
	key, fileKey string
	value, file  reflect.Value // both of kind string
}

// secretPairs lists every secret of c that has a file beside it: <key> and <key>_file.
func secretPairs(c *Config) []secretPair {
	var pairs []secretPair
	all := settings(c)
	for _, file := range all {
		key, ok := strings.CutSuffix(file.key, "_file")
		if !ok {
			continue
		}
		for _, s := range all {
			if s.key == key && isSecret(s.value.Type()) {
				pairs = append(pairs, secretPair{key: key, fileKey: file.key, value: s.value, file: file.value})
			}
		}
	}
	for i := range c.Admin.Tokens {
		t := &c.Admin.Tokens[i]
		pairs = append(pairs, newSecretPair("admin.tokens["+strconv.Itoa(i)+"].token", &t.Token, &t.TokenFile))
	}
	for i := range c.Sources {
		pairs = append(pairs, c.Sources[i].secretPairs("sources["+strconv.Itoa(i)+"]")...)
	}
	for i := range c.Destinations {
		pairs = append(pairs, c.Destinations[i].secretPairs("destinations["+strconv.Itoa(i)+"]")...)
	}
	return pairs
}

// newSecretPair is a secret and the file named by the same key and _file.
func newSecretPair(key string, value *Secret, file *string) secretPair {
	return secretPair{key: key, fileKey: key + "_file", value: reflect.ValueOf(value).Elem(), file: reflect.ValueOf(file).Elem()}
}

func (s *Source) secretPairs(path string) []secretPair {
	var pairs []secretPair
	for i := range s.Tokens {
		pairs = append(pairs, newSecretPair(path+".tokens["+strconv.Itoa(i)+"].value", &s.Tokens[i].Value, &s.Tokens[i].ValueFile))
	}
	for i := range s.Auth.Signatures {
		secrets := s.Auth.Signatures[i].Secrets
		for j := range secrets {
			key := path + ".auth.signatures[" + strconv.Itoa(i) + "].secrets[" + strconv.Itoa(j) + "].value"
			pairs = append(pairs, newSecretPair(key, &secrets[j].Value, &secrets[j].ValueFile))
		}
	}
	return pairs
}

func (d *Destination) secretPairs(path string) []secretPair {
	pair := newSecretPair
	pairs := []secretPair{pair(path+".secret", &d.Secret, &d.SecretFile)}
	for i := range d.Secrets {
		pairs = append(pairs, pair(path+".secrets["+strconv.Itoa(i)+"].value", &d.Secrets[i].Value, &d.Secrets[i].ValueFile))
	}
	for i := range d.Headers {
		pairs = append(pairs, pair(path+".headers["+strconv.Itoa(i)+"].value", &d.Headers[i].Value, &d.Headers[i].ValueFile))
	}
	return pairs
}

// readSecrets reads every secret that is given by a file. The file's name stays beside it, so that a reload reads again.
func readSecrets(c *Config, complain func(key, text string)) {
	for _, p := range secretPairs(c) {
		if p.file.String() == "" {
			continue
		}
		if p.value.String() != "" {
			complain(p.fileKey, "is set together with "+p.key+"; keep one of the two")
			continue
		}
		secret, err := readSecret(p.file.String())
		if err != nil {
			complain(p.fileKey, err.Error())
			continue
		}
		p.value.SetString(secret)
	}
}

// readSecret reads a file's only line. Only regular files are read, so that a pipe can't hold up the start.
func readSecret(path string) (string, error) {
	const longest = 64 << 10
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w; create the file or correct the path", withoutSecret(path, err))
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("is not a regular file; name the file that holds the secret")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("can't be read: %w; let the gateway's user read it", withoutSecret(path, err))
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, longest+1))
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", withoutSecret(path, err))
	}
	secret := strings.TrimRight(string(data), "\r\n")
	switch {
	case secret == "":
		return "", errors.New("names an empty file; write the secret into it")
	case len(data) > longest || !utf8.ValidString(secret) || strings.ContainsFunc(secret, unicode.IsControl):
		return "", errors.New("names a file that holds more than one line of text; write the secret alone into it")
	}
	return secret, nil
}

// looksLikePath tells a path from a secret that was put in its place by mistake.
func looksLikePath(s string) bool {
	return strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../")
}

// withoutSecret takes the path out of an error unless it is certain to be one.
func withoutSecret(path string, err error) error {
	var failure *fs.PathError
	if !looksLikePath(path) && errors.As(err, &failure) {
		return failure.Err
	}
	return err
}
