package browsertest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// onServices is the YAML of a gateway with a database and a Redis of its own.
func onServices(database, redis string) string {
	return fmt.Sprintf("database: {url: %q}\nredis: {mode: single, addresses: [%q]}\nsources: [{name: apify, kind: apify, tokens: [{value: %q}]}]\n",
		database, redis, sourceToken)
}

func TestTheBannerSaysThatRedisIsLeftOut(t *testing.T) {
	t.Parallel()
	redis := testkit.StartRedis(t)
	g := startGateway(t, onServices(testkit.Postgres(t), redis.Addr()))
	if a := g.send(dispatch("one"), runEnd("degradedRun000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z")); a.Code != http.StatusOK {
		t.Fatalf("%+v", a)
	}
	b := openDashboard(t, g)
	b.shows("Redis", "PostgreSQL")
	if strings.Contains(b.text(), "Degraded") || eval[string](b, "document.title") != "Overview · dedupgate" {
		t.Error("a healthy gateway is called degraded")
	}
	redis.Kill()
	b.shows("Degraded: Redis is left out") // without a reload
	b.until(`document.title === "⚠ Overview · dedupgate"`)
	b.keepPicture("degraded-light-1280")
	if a := g.send(dispatch("one"), runEnd("degradedRun000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z")); a.Outcome != "duplicate" {
		t.Errorf("%+v", a)
	}
	b.press("Runs")
	b.shows("Degraded: Redis is left out", "degradedRun000001") // whatever page is looked at
	redis.Restart()
	b.until(`!document.body.innerText.includes("Degraded")`)
	b.until(`document.title === "Runs · dedupgate"`)
}

func TestWithoutADatabasePagesSaySoAndRecoverByThemselves(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	g := startGateway(t, onServices(server.Database(), testkit.Redis(t)))
	g.send(dispatch("one"), runEnd("bereftRun00000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	b := openDashboard(t, g)
	server.Pause() // it neither answers nor refuses
	b.do(chromedp.Navigate(g.page("/runs")))
	b.until(`document.querySelectorAll(".table .bone").length > 10`)
	b.keepPicture("loading-light-1280")
	b.isAccessible("loading")
	server.Kill()
	b.shows("The database is away", "This could not be loaded.", "Try again")
	b.keepPicture("broken-light-1280")
	b.isAccessible("broken")
	b.open("/live")
	b.shows("The database is away", "new receipts are shown when it is back")
	if strings.Contains(b.text(), "No webhook has come in yet") {
		t.Error("what can't be read is said to have never been")
	}
	b.press("Runs")
	b.shows("This could not be loaded.")
	server.Restart()
	b.shows("bereftRun00000001") // without a reload
	b.until(`!document.body.innerText.includes("away") && !document.querySelector(".banner")`)
}
