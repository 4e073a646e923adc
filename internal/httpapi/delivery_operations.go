package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// deliveryOperations is the part of the API's table about handing events on.
func (a *admin) deliveryOperations() []operation {
	list, one, conflict := http.StatusBadRequest, http.StatusNotFound, http.StatusConflict
	d, open := a.Deliveries, []delivery.State{delivery.Pending, delivery.Held, delivery.Delivering, delivery.Retrying}
	return []operation{
		{get("list-deliveries", "/deliveries", "Deliveries, newest first", list), ruleRead, answering(a, a.deliveries)},
		{get("get-delivery", "/deliveries/{id}", "One delivery with its attempts, oldest first", one), ruleRead, answering(a, a.delivery)},
		{
			post("retry-delivery", "/deliveries/{id}/retry", "Send a dead or cancelled delivery again, or hold it while its event is in doubt", one, conflict),
			ruleOperate, answering(a, a.changeOne("delivery retried", d.RetryDeliveries, delivery.Dead, delivery.Cancelled)),
		},
		{
			post("cancel-delivery", "/deliveries/{id}/cancel", "Call a delivery off", one, conflict),
			ruleOperate, answering(a, a.changeOne("delivery cancelled", d.CancelDeliveries, open...)),
		},
		{
			post("release-delivery", "/deliveries/{id}/release", "Let a held delivery go", one, conflict),
			ruleOperate, answering(a, a.changeOne("delivery released", d.ReleaseDeliveries, delivery.Held)),
		},
		{
			post("retry-deliveries", "/deliveries/retry", "Send all dead deliveries that are selected again, or cancelled ones with that state", conflict),
			ruleOperate, answering(a, a.changeMany("deliveries retried", d.RetryDeliveries)),
		},
		{
			post("cancel-deliveries", "/deliveries/cancel", "Call all deliveries off that are selected and not over", conflict),
			ruleOperate, answering(a, a.changeMany("deliveries cancelled", d.CancelDeliveries)),
		},
		{
			post("release-deliveries", "/deliveries/release", "Let all held deliveries go that are selected", conflict),
			ruleOperate, answering(a, a.changeMany("deliveries released", d.ReleaseDeliveries)),
		},
		{
			post("replay-events", "/replay", "Send events to destinations again, whatever became of them", one, conflict),
			ruleOperate, answering(a, a.replayEvents),
		},
		{get("list-destinations", "/destinations", "Destinations and how they are"), ruleRead, answering(a, a.destinations)},
		{
			post("pause-destination", "/destinations/{name}/pause", "Send nothing more to a destination; its deliveries wait", one),
			ruleOperate, answering(a, a.switching("destination paused", true, a.Destinations.PauseDestination)),
		},
		{
			post("resume-destination", "/destinations/{name}/resume", "Send to a paused destination again", one),
			ruleOperate, answering(a, a.switching("destination resumed", false, a.Destinations.ResumeDestination)),
		},
		{get("get-stuck", "/stuck", "What has not moved for too long: runs, deliveries, attempts; oldest first"), ruleRead, answering(a, a.stuck)},
		{
			post("clear-stuck", "/stuck/clear", "Clear stuck deliveries: each gets a new job; runs stay as they are", conflict),
			ruleOperate, answering(a, a.clearStuck),
		},
	}
}

// post describes a change.
func post(id, path, summary string, problems ...int) huma.Operation {
	op := get(id, path, summary, problems...)
	op.Method, op.MaxBodyBytes = http.MethodPost, 64<<10
	return op
}
