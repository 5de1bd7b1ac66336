import { describe, expect, it } from "vitest";
import { Alerts, type Rule } from "../../src/model/alerts";

const hot: Rule = { id: "hot", title: "hot", severity: "warning", raise: 85, clear: 80, hold: 2, text: String };

describe("Alerts", () => {
  it("needs the value to stay beyond the threshold", () => {
    const alerts = new Alerts();
    for (let t = 0; t < 10; t += 0.5) alerts.check(hot, "a", t % 1 === 0 ? 90 : 84, t);
    expect(alerts.log).toEqual([]);
    for (let t = 10; t < 11.9; t += 0.1) alerts.check(hot, "a", 85, t);
    expect(alerts.active).toEqual([]);
    alerts.check(hot, "a", 85, 12);
    expect(alerts.active.length).toBe(1);
    expect(alerts.active[0]!.since).toBe(10);
  });

  it("a value that trembles around the threshold is one alert", () => {
    const alerts = new Alerts();
    for (let t = 0; t < 100; t += 0.1) alerts.check(hot, "a", t < 5 ? 90 : 84 + 2 * Math.sin(t * 9), t);
    expect(alerts.log.length).toBe(1);
    expect(alerts.active.length).toBe(1);
    expect(alerts.log[0]!.worst).toBe(90);
    // Below the lower one, but not for long enough.
    alerts.check(hot, "a", 70, 101);
    alerts.check(hot, "a", 82, 102);
    expect(alerts.active.length).toBe(1);
    alerts.check(hot, "a", 79, 103);
    alerts.check(hot, "a", 79, 105);
    expect(alerts.active.length).toBe(0);
    expect(alerts.log[0]!.until).toBe(105);
    // And it may be raised anew.
    alerts.check(hot, "a", 95, 106);
    alerts.check(hot, "a", 95, 108.1);
    expect(alerts.log.length).toBe(2);
  });

  it("absent values neither raise nor clear", () => {
    const alerts = new Alerts();
    alerts.check(hot, "a", 90, 0);
    alerts.check(hot, "a", NaN, 1);
    alerts.check(hot, "a", 90, 2.5);
    expect(alerts.active.length).toBe(0);
    alerts.check(hot, "a", 90, 5);
    expect(alerts.active.length).toBe(1);
    alerts.check(hot, "a", 10, 6);
    alerts.check(hot, "a", NaN, 7);
    alerts.check(hot, "a", 10, 8.5);
    expect(alerts.active.length).toBe(1);
  });

  it("keeps subjects apart, and forgets the oldest but none that is raised", () => {
    const alerts = new Alerts();
    alerts.check(hot, "kept", 90, 0);
    alerts.check(hot, "kept", 90, 3);
    for (let i = 0; i < 500; i++) alerts.note(hot, `event ${i}`, i);
    expect(alerts.log.length).toBe(100);
    expect(alerts.active.map((alert) => alert.subject)).toEqual(["kept"]);
    expect(alerts.log[0]!.subject).toBe("event 499");
  });
});
