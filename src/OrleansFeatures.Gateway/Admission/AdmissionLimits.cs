namespace OrleansFeatures.Gateway.Admission;

/// <summary>How much may come in at once before calls are refused. What an operator can set; the defaults and their arithmetic are in <see cref="Limits"/>.</summary>
public sealed record AdmissionLimits
{
    /// <summary>Lookups under way, of all clients. Default <see cref="Limits.LookupsMax"/>.</summary>
    public int Lookups { get; init; } = Limits.LookupsMax;

    /// <summary>Pushes under way, of all clients, an open stream counting as one. Default <see cref="Limits.PushesMax"/>.</summary>
    public int Pushes { get; init; } = Limits.PushesMax;

    /// <summary>The same for one client that says who it is (<see cref="CallAdmission.ClientHeader"/>), one part in so many of each. Default <see cref="Limits.ClientShare"/>. Whoever does not is bounded by the calls of its connection.</summary>
    public int ClientShare { get; init; } = Limits.ClientShare;

    /// <summary>Lookups that would wait longer than this for a thread, or longer than three quarters of their own deadline, are refused while they are themselves the reason for it. Default <see cref="Limits.LookupDelayMax"/>.</summary>
    public TimeSpan LookupDelay { get; init; } = Limits.LookupDelayMax;

    /// <summary>The same for pushes. Default <see cref="Limits.PushDelayMax"/>.</summary>
    public TimeSpan PushDelay { get; init; } = Limits.PushDelayMax;
}

/// <summary>From how much on the calls of a class are a <see cref="Crowd"/>: lookups are counted, pushes weighed by their events.</summary>
internal readonly record struct CrowdBounds(int LookupsPerSecond, int EventsPerSecond)
{
    public static CrowdBounds OfThisMachine => new(Limits.LookupsCrowdPerSecond, Limits.EventsCrowdPerSecond);
}
