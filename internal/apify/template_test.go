package apify

import (
	"encoding/json"
	"testing"
)

func TestRenderFillsATemplateAsApifyDoes(t *testing.T) {
	t.Parallel()
	vars := Variables{
		UserID: json.RawMessage(`"u"`), EventType: json.RawMessage(`"TEST"`), CreatedAt: json.RawMessage(`"2026"`),
		EventData: json.RawMessage(`null`),
		Resource:  json.RawMessage(`{"z":1,"id":"r1","n":12345678901234567890,"exitCode":0,"empty":"","no":false,"text":"a\ud800<&>","o":{"a":[1,2]}}`),
	}
	for _, c := range []struct {
		name, template string
		interpolate    bool
		want           string
	}{
		{"the default one, values as they were told", "", false, `{"userId":"u","createdAt":"2026","eventType":"TEST","eventData":null,"resource":{"z":1,"id":"r1","n":12345678901234567890,"exitCode":0,"empty":"","no":false,"text":"a\ud800<&>","o":{"a":[1,2]}}}`},
		{"a path gives its value", `{"a": {{resource.id}}, "b": {{resource.o}}, "c":{{resource.n}}}`, false, `{"a":"r1","b":{"a":[1,2]},"c":12345678901234567890}`},
		{"what is false gives null", `[{{resource.exitCode}},{{resource.empty}},{{resource.no}},{{resource.none}},{{resource.id.x}},{{eventData}}]`, false, `[null,null,null,null,null,null]`},
		{"in quotes it stays", `{"a":"{{resource.id}}","b":"run {{resource.id}}","c":"\"{{resource.id}}"}`, false, `{"a":"{{resource.id}}","b":"run {{resource.id}}","c":"\"{{resource.id}}"}`},
		{"in quotes it is filled when asked for", `{"a":"{{resource.n}}","b":"run {{resource.id}} of {{userId}}"}`, true, `{"a":12345678901234567890,"b":"run r1 of u"}`},
		{"a missing one vanishes or is undefined", `{"a":"{{resource.none}}","b":"run {{resource.none}}, {{resource.o}}","c":[{"d":"{{resource.none}}"}]}`, true, `{"b":"run undefined, [object Object]","c":[{}]}`},
		{"an array at the top", `[{{eventType}}]`, true, `["TEST"]`},
	} {
		got, err := Render(c.template, c.interpolate, vars)
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
	for _, bad := range []string{`{"a":}`, `{{`, `{"a":{{unknown`, `{} {}`, `"`} {
		if got, err := Render(bad, false, vars); err == nil {
			t.Errorf("%s gives %s", bad, got)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add(DefaultTemplate, true)
	f.Add(`{"a":"x {{resource.id}}\\"}`, true)
	f.Fuzz(func(t *testing.T, template string, interpolate bool) {
		got, err := Render(template, interpolate, sampleVariables("ACTOR.RUN.SUCCEEDED", tellings()[0]))
		if err == nil && !json.Valid(got) {
			t.Errorf("%q gives %q", template, got)
		}
	})
}
