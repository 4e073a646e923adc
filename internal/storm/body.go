package storm

import (
	"fmt"
	"strings"
	"time"
)

const apifyTime = "2006-01-02T15:04:05.000Z"

// body renders what webhook number w sends for event number e: Apify's default template, compact, about size bytes. The
// same arguments give the same bytes, as Apify's repeated attempts do.
func (s *script) body(e, w, size int) []byte {
	h := &s.events[e]
	// Apify writes a dispatch some seconds after its event; two webhooks' dispatches are a few milliseconds apart.
	createdAt := h.at.Add(6*time.Second + time.Duration(7*w)*time.Millisecond).Format(apifyTime)
	if h.isTest() {
		return fmt.Appendf(nil, `{"userId":"StormStormStorm01","createdAt":%q,"eventType":"TEST","eventData":null,`+
			`"resource":{"joke":"A webhook walks into a bar. Twice."}}`, createdAt)
	}
	finishedAt, status, exitCode := "null", "RUNNING", "null"
	if h.finished {
		finishedAt = `"` + h.at.Format(apifyTime) + `"`
		status, exitCode = strings.ReplaceAll(h.status, "_", "-"), "0"
	}
	task := ""
	if s.taskID != "" {
		task = `"actorTaskId":"` + s.taskID + `",`
	}
	const blank = "\x00"
	text := fmt.Sprintf(`{"userId":"StormStormStorm01","createdAt":%q,"eventType":%q,`+
		`"eventData":{"actorId":%q,%s"actorRunId":%q},`+
		`"resource":{"id":%q,"actId":%q,"userId":"StormStormStorm01",%s"startedAt":%q,"finishedAt":%s,"status":%q,`+
		`"statusMessage":"%s","isStatusMessageTerminal":%t,"meta":{"origin":"API","userAgent":"ApifyClient/2.19.0"},`+
		`"stats":{"inputBodyLen":412,"migrationCount":0,"rebootCount":0,"restartCount":0,"resurrectCount":%d,`+
		`"memAvgBytes":402653184.25,"durationMillis":258523,"runTimeSecs":258.523,"metamorph":0,"computeUnits":0.14362389},`+
		`"options":{"build":"latest","timeoutSecs":3600,"memoryMbytes":2048,"diskMbytes":4096},"buildId":"StormStormBuild01","exitCode":%s,`+
		`"generalAccess":"FOLLOW_USER_SETTING","defaultKeyValueStoreId":"StormStormStore01","defaultDatasetId":"StormStormDataset",`+
		`"defaultRequestQueueId":"StormStormQueue01","buildNumber":"1.4.26","usageTotalUsd":0.0412,`+
		`"links":{"consoleRunUrl":"https://console.apify.com/actors/runs/%s"}}}`,
		createdAt, h.eventType, s.actorID, task, s.runID, s.runID, s.actorID, task, s.events[0].at.Format(apifyTime), finishedAt, status,
		blank, h.finished, h.life, exitCode, s.runID)
	return []byte(strings.Replace(text, blank, filler(size-len(text)+1), 1))
}

// filler is a status message of about n bytes.
func filler(n int) string {
	const text = "Crawled another page of the shop and stored what it sells. "
	if n <= 0 {
		return ""
	}
	return strings.Repeat(text, n/len(text)+1)[:n]
}
