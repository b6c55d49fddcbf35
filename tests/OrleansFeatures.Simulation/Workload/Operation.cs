using OrleansFeatures.Simulation.Checking;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>One event of a push.</summary>
/// <param name="Stream">Its stream's name.</param>
/// <param name="Kind">Insert, upsert or delete.</param>
/// <param name="Fields">By position.</param>
/// <param name="IsMalformed">It must be refused, and its neighbours must not.</param>
internal sealed record Operation(string Stream, EventOperation Kind, Value[] Fields, bool IsMalformed = false)
{
    public EventKey Id => EventKey.Of(Stream, Fields[World.Id]);

    public override string ToString() => $"{Kind} {Id}{(IsMalformed ? " malformed" : "")}";
}
