namespace OrleansFeatures.Server.Load;

/// <summary>One kind of requests of a run, at a rate of its own, measured apart: the lookups, or the pushes, of a mixed load.</summary>
/// <param name="Name">As reports and objectives name it: lookup, push.</param>
/// <param name="Target">Who sends them.</param>
/// <param name="Arrivals">When.</param>
internal sealed record LoadLane(string Name, ILoadTarget Target, Arrivals Arrivals);
