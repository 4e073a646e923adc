// Package samples holds webhooks in the shapes that Apify sends: bodies and the headers that came with them. They are
// self-made after Apify's documentation and public captures; addresses, names and texts are invented, ids are consistent
// across files (run A is created, ends, is resurrected and ends again).
//
// The CLI sends them to try a gateway out, tests take them as the truth about the sender. It imports the standard library
// only.
package samples

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Certainty of each header, and which webhook sent what, stand in headers.json beside the sets of headers.
//
//go:embed testdata
var files embed.FS

// Sample is one webhook: a body with one set of headers.
type Sample struct {
	Name    string      // of the set of headers; the same body may come with several
	File    string      // of the body, within the samples
	Body    []byte      // indented for reading
	Headers http.Header // without Host, which belongs to the receiver
	Remark  string      // what is special; may be empty
}

// Compact is the body as Apify sends it, without white space between tokens. Escapes stay as they are.
func (s Sample) Compact() []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, s.Body); err != nil {
		panic(fmt.Sprintf("samples: %s: %v", s.File, err)) // all samples are JSON: a test compacts each
	}
	return b.Bytes()
}

// All reads every sample, in the order of a run's life first. The caller may change what it gets.
func All() []Sample {
	var index struct {
		Sets []struct {
			Name    string            `json:"name"`
			Body    string            `json:"body"`
			Headers map[string]string `json:"headers"`
			Remark  string            `json:"remark"`
		} `json:"sets"`
	}
	if err := json.Unmarshal(read("headers.json"), &index); err != nil {
		panic(fmt.Sprintf("samples: headers.json: %v", err))
	}
	all := make([]Sample, 0, len(index.Sets))
	for _, set := range index.Sets {
		s := Sample{Name: set.Name, File: set.Body, Body: read(set.Body), Headers: http.Header{}, Remark: set.Remark}
		for name, value := range set.Headers {
			if name != "Host" {
				s.Headers.Set(name, value)
			}
		}
		all = append(all, s)
	}
	return all
}

// Get finds a sample by its name or, failing that, by its file's name without folder and extension.
func Get(name string) (Sample, bool) {
	all := All()
	i := slices.IndexFunc(all, func(s Sample) bool { return s.Name == name })
	if i < 0 {
		i = slices.IndexFunc(all, func(s Sample) bool { return strings.TrimSuffix(path.Base(s.File), ".json") == name })
	}
	if i < 0 {
		return Sample{}, false
	}
	return all[i], true
}

// Names lists what [Get] finds.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

func read(name string) []byte {
	body, err := files.ReadFile("testdata/" + name)
	if err != nil {
		panic(fmt.Sprintf("samples: %v", err))
	}
	return body
}
