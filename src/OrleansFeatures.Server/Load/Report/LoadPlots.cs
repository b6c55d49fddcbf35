
namespace OrleansFeatures.Server.Load.Report;

/// <summary>The three plots of an operation: latency over time, the percentile curve, and the rate over time.</summary>
internal static class LoadPlots
{
    private const double CurveStep = 0.02;

    /// <summary>By when requests were due: so a stall shows at its whole length, not as the one moment at which it ended.</summary>
    public static string OverTime(LaneReport lane)
    {
        LoadTimeline timeline = lane.Record.Timeline;
        List<(double, LatencyHistogram)> slots = [.. Slots(lane).Where(slot => slot.Slot.Latency.Count > 0).Select(slot => (slot.Second, slot.Slot.Latency))];
        PlotLine Line(string name, string style, Func<LatencyHistogram, TimeSpan> value) =>
            new(name, style, [.. slots.Select(slot => (slot.Item1, Math.Log10(Math.Max(0.001, value(slot.Item2).TotalMilliseconds))))]);
        PlotAxis y = PlotAxis.LogMilliseconds(
            slots.Select(slot => slot.Item2.Percentile(50).TotalMilliseconds).DefaultIfEmpty(0.1).Min(), slots.Select(slot => slot.Item2.Longest.TotalMilliseconds).DefaultIfEmpty(1).Max());
        return Plot.Svg(
            $"{lane.Name}: latency over time", PlotAxis.Linear($"seconds, in slots of {timeline.SlotLength.TotalSeconds:F0} s", lane.Measured.TotalSeconds), y,
            Line("p50", "first", slot => slot.Percentile(50)), Line("p99", "second", slot => slot.Percentile(99)), Line("longest", "third", slot => slot.Longest));
    }

    /// <summary>
    /// Percentiles against their rarity: each step to the right is ten times rarer. The dashed line is the same run counted from when requests were sent, which hides the
    /// wait before; where the two part, a generator that waits for answers would have been wrong.
    /// </summary>
    public static string Curve(LaneReport lane)
    {
        LatencyHistogram all = lane.Record.Latency;
        double rarest = Math.Log10(Math.Max(10, all.Count));
        (double At, string Text)[] ticks = [.. new[] { 0, 50, 90, 99, 99.9, 99.99, 99.999 }
            .Select(percent => (At: Rarity(percent), Text: percent == 0 ? "all" : LoadText.Percentile(percent))).Where(tick => tick.At <= rarest + 1e-9)];
        PlotAxis y = PlotAxis.LogMilliseconds(Math.Min(all.Percentile(1).TotalMilliseconds, lane.Record.FromSending.Percentile(1).TotalMilliseconds), all.Longest.TotalMilliseconds);
        return Plot.Svg(
            $"{lane.Name}: percentiles", new PlotAxis("share of requests that took no longer", 0, rarest, ticks), y,
            new PlotLine("from the instant due", "second", CurveOf(all, rarest)), new PlotLine("from sending", "faint", CurveOf(lane.Record.FromSending, rarest)));
    }

    public static string Rate(LaneReport lane)
    {
        double length = lane.Record.Timeline.SlotLength.TotalSeconds;
        List<(double Second, LoadTimeline.Slot Slot)> slots = Slots(lane);
        double peak = slots.Select(slot => slot.Slot.Due / length).DefaultIfEmpty(1).Max();
        return Plot.Svg(
            $"{lane.Name}: requests a second", PlotAxis.Linear("seconds", lane.Measured.TotalSeconds), PlotAxis.Linear("", peak),
            new PlotLine("due", "faint", [.. slots.Select(slot => (slot.Second, slot.Slot.Due / length))]),
            new PlotLine("answered", "first", [.. slots.Select(slot => (slot.Second, (slot.Slot.Due - slot.Slot.Failed) / length))]),
            new PlotLine("failed", "third", [.. slots.Select(slot => (slot.Second, slot.Slot.Failed / length))]));
    }

    /// <summary>The whole slots that were measured, each with the second of its middle; the one that a cancelled run ended in is left out.</summary>
    private static List<(double Second, LoadTimeline.Slot Slot)> Slots(LaneReport lane)
    {
        LoadTimeline timeline = lane.Record.Timeline;
        int whole = Math.Clamp((int)(lane.Measured / timeline.SlotLength), 1, timeline.Slots.Count);
        return [.. timeline.Slots.Take(whole).Select((slot, at) => ((at + 0.5) * timeline.SlotLength.TotalSeconds, slot))];
    }

    private static double Rarity(double percent) => -Math.Log10(1 - (percent / 100));

    private static List<(double X, double Y)> CurveOf(LatencyHistogram histogram, double rarest)
    {
        var points = new List<(double, double)>();
        for (double rarity = 0; histogram.Count > 0 && rarity < rarest; rarity += CurveStep)
        {
            TimeSpan at = histogram.Percentile(100 * (1 - Math.Pow(10, -rarity)));
            points.Add((rarity, Math.Log10(Math.Max(0.001, at.TotalMilliseconds))));
        }

        return points;
    }
}
