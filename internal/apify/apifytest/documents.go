package apifytest

import "time"

// The ids that the documents below have in common.
const (
	ActorID = "zdoEemL5RrvCPG8vu"
	TaskID  = "8cQzyJaY4Zvr7EcNH"
)

// Time writes a time as Apify does.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Webhook is a switched-on webhook with the default template, for the ends of an Actor's runs.
func Webhook(id, url string) Document {
	return Document{
		"id": id, "createdAt": "2026-01-01T00:00:00.000Z", "modifiedAt": "2026-01-01T00:00:00.000Z", "isAdHoc": false,
		"isEnabled": true, "actionType": "HTTP_REQUEST", "shouldInterpolateStrings": nil,
		"eventTypes": []string{"ACTOR.RUN.SUCCEEDED", "ACTOR.RUN.FAILED", "ACTOR.RUN.ABORTED", "ACTOR.RUN.TIMED_OUT"},
		"condition":  Document{"actorId": ActorID}, "ignoreSslErrors": false, "doNotRetry": false, "requestUrl": url,
		"payloadTemplate": nil, "headersTemplate": nil, "description": nil, "lastDispatch": nil,
		"stats": Document{"totalDispatches": 0},
	}
}

// Run is a run of the Actor that ended with a status, four minutes after it started.
func Run(id, status string, finished time.Time) Document {
	return Document{
		"id": id, "actId": ActorID, "actorTaskId": nil, "status": status, "statusMessage": "Done: 517 pages, 1 < 2 & ü.",
		"startedAt": Time(finished.Add(-4 * time.Minute)), "finishedAt": Time(finished),
		"meta": Document{"origin": "API"}, "stats": Document{"resurrectCount": 0, "runTimeSecs": 258.523}, "exitCode": 0,
		"options": Document{"build": "latest"}, "buildId": "HG7ML7M8z78YcAPEB", "buildNumber": "0.0.2",
		"defaultKeyValueStoreId": "sfAjeR4QmeJCQzTfe", "defaultDatasetId": "3ZojQDdFTsyE7Moy4",
		"defaultRequestQueueId": "so93g2shcDzK3pA85", "usageTotalUsd": 0.2,
	}
}

// Dispatch is what a webhook had to tell of a run, and how that went: ACTIVE, SUCCEEDED or FAILED.
func Dispatch(id, status, webhookID, url, eventType, runID string, created time.Time) Document {
	calls := []Document{{
		"startedAt": Time(created), "finishedAt": Time(created.Add(time.Second)), "errorMessage": nil, "responseStatus": 200, "responseBody": "{}",
	}}
	if status != "SUCCEEDED" {
		calls[0]["responseStatus"], calls[0]["errorMessage"] = 503, "Webhook request failed"
	}
	return Document{
		"id": id, "webhookId": webhookID, "createdAt": Time(created), "status": status, "eventType": eventType,
		"eventData": Document{"actorId": ActorID, "actorRunId": runID}, "calls": calls,
		"webhook": Document{"actionType": "HTTP_REQUEST", "condition": Document{"actorId": ActorID}, "requestUrl": url, "isAdHoc": false},
	}
}
