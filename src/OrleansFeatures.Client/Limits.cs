namespace OrleansFeatures.Client;

/// <summary>Every bound of the client, with the arithmetic behind it.</summary>
public static class Limits
{
    /// <summary>Connections to one server. Four carry twice what one does; more than 64 are a slip, because each is a socket and its buffers on both sides.</summary>
    public const int ConnectionsPerServerMax = 64;

    /// <summary>Tries of one call beyond the first, at most. Three with doubling pauses bridge a silo that leaves; more is a storm.</summary>
    public const int RetriesMax = 10;

    /// <summary>What retries, or hedges, may be of all calls: one in ten for retries, one in twenty for hedges. Whatever fails more often than that is not helped by asking more.</summary>
    public const double RetryShare = 0.1;

    /// <inheritdoc cref="RetryShare"/>
    public const double HedgeShare = 0.05;

    /// <summary>Retries, or hedges, that a quiet client may make at once before the shares above bind.</summary>
    public const int BudgetMax = 10;

    /// <summary>A server whose connection failed is asked again after so long, unless all have failed: short against a restart, long against a refused connect.</summary>
    public static readonly TimeSpan RestAfterFailure = TimeSpan.FromSeconds(1);

    /// <summary>Longest pause between two tries, and between two attempts to take a stream up again.</summary>
    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromSeconds(2);

    /// <summary>After a write on a stream failed, how long the reading side may take to say why: the status is usually there already.</summary>
    public static readonly TimeSpan StreamEndGrace = TimeSpan.FromSeconds(2);

    /// <summary>Batches of an <see cref="Pushing.EventStream"/> between sending and acknowledgement, at most: what the server itself takes per stream is 32, the rest wait on the way.</summary>
    public const int BatchesInFlightMax = 1_024;
}
