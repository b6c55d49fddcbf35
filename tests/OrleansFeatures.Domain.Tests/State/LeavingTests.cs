using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Properties;

namespace OrleansFeatures.Domain.Tests.State;

public sealed class LeavingTests
{
    private const long Second = 1_000_000;

    /// <summary>
    /// Fifty events of one time lie in two chunks. Were the older chunk to leave alone, their time would have left, and a correction of one that is still here would pass it by; yet a
    /// window of the last ten events reaches it as soon as others are corrected.
    /// </summary>
    [Fact]
    public void Events_of_one_time_leave_together()
    {
        var feature = new FeatureDefinition("sum", "sum(units)", WindowDefinition.Last(10), Duration.Zero, null, Value.Null);
        var shape = new ScenarioShape(FieldType.Int64, 1, 0, IsExtreme: false, 0, 0, 0);
        var run = new ScenarioRun(new Scenario(shape, [new FeatureViewDefinition("v", 1, Scenario.Entity, Scenario.Stream, null, [feature])], [], 0));
        for (long id = 0; id < 50; id++)
        {
            run.Apply(Of(EventOperation.Insert, id, id * Second));
        }

        for (long id = 50; id < 100; id++)
        {
            run.Apply(Of(EventOperation.Insert, id, 100 * Second));
        }

        for (long id = 100; id < 112; id++)
        {
            run.Apply(Of(EventOperation.Insert, id, (id + 1) * Second));
        }

        long later = 3 * 86_400 * Second;
        for (long id = 112; id < 180; id++)
        {
            run.Apply(Of(EventOperation.Insert, id, later + (id * Second)));
        }

        run.Apply(Of(EventOperation.Delete, 99, 100 * Second));
        for (long id = 100; id < 105; id++)
        {
            run.Apply(Of(EventOperation.Delete, id, (id + 1) * Second));
        }

        long asOf = run.NewestOf("a") - Catalog.RetentionSlack.Micros;
        run.Compare("a", asOf, EventTime.Never.Micros);
        run.Read("a", asOf, EventTime.Never.Micros)[0].Status.ShouldBe(FeatureStatus.Present);
    }

    private static Step Of(EventOperation operation, long id, long time) =>
        new(operation, time, [Value.Of(id), Value.Of(new EventTime(time)), Value.Of("a"), Value.Null, Value.Of(1L << (int)(id % 60)), Value.Null, Value.Null, Value.Null]);
}
