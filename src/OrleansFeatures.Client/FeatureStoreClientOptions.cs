namespace OrleansFeatures.Client;

/// <summary>How a <see cref="FeatureStoreClient"/> connects, and what it does when a call fails. Checked when the client is made.</summary>
public sealed record FeatureStoreClientOptions
{
    /// <summary>gRPC addresses, such as <c>http://127.0.0.1:6565</c>: the one of a store, or those of a cluster's silos, which all answer everything.</summary>
    public required IReadOnlyList<Uri> Servers { get; init; }

    /// <summary>HTTP/2 connections to each server, 1 to <see cref="Limits.ConnectionsPerServerMax"/>. Default 2: one connection is one thread's work on either side.</summary>
    public int ConnectionsPerServer { get; init; } = 2;

    /// <summary>What the server counts this client's calls under, when it shares itself out among clients. Default: it goes by the connection.</summary>
    public string ClientName { get; init; } = "";

    /// <summary>The deadline of a call, retries and hedges included; it travels to the server, which stops working when it has passed. Default 1 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A read that has no answer after so long is sent once more, to another server where there is one, and whichever answers first counts. Default 10 ms, far behind the usual answer, so that only the
    /// slowest are asked twice, and never more than <see cref="Limits.HedgeShare"/> of all. <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>: never.
    /// </summary>
    public TimeSpan HedgeAfter { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// Tries beyond the first, 0 to <see cref="Limits.RetriesMax"/>, of calls that a server refused for the moment (with its own hint when to come back) or that a lost connection ended. Reads change nothing and events are known
    /// by their ids, so a repeated call is safe. Default 3.
    /// </summary>
    public int Retries { get; init; } = 3;

    /// <summary>The first pause before a retry that comes without a hint; it doubles, with some chance, up to <see cref="Limits.RetryPauseMax"/>. Default 20 ms.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Whether reads see what this client has pushed: the newest token of its pushes goes with every read that has none of its own. Default true; it costs nothing where the event is applied already.</summary>
    public bool ReadYourWrites { get; init; } = true;

    /// <summary>How long a stream (events in, changes out) tries to get a lost connection back before it gives up. Default 30 s: a server's restart fits.</summary>
    public TimeSpan ReconnectFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Batches that an event stream holds unacknowledged before it makes its producer wait, 1 to <see cref="Limits.BatchesInFlightMax"/>. Default 32.</summary>
    public int BatchesInFlight { get; init; } = 32;

    /// <summary>The clock; for tests.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal void Check()
    {
        if (Servers.Count == 0 || Servers.Any(server => !server.IsAbsoluteUri || server.Scheme is not ("http" or "https")))
        {
            throw new ArgumentException($"{nameof(Servers)}: '{string.Join(", ", Servers)}': name at least one server as http://host:port");
        }

        Within(nameof(ConnectionsPerServer), ConnectionsPerServer, 1, Limits.ConnectionsPerServerMax);
        Within(nameof(Retries), Retries, 0, Limits.RetriesMax);
        Within(nameof(BatchesInFlight), BatchesInFlight, 1, Limits.BatchesInFlightMax);
        Positive(nameof(Timeout), Timeout);
        Positive(nameof(RetryPause), RetryPause);
        if (HedgeAfter != System.Threading.Timeout.InfiniteTimeSpan)
        {
            Positive(nameof(HedgeAfter), HedgeAfter);
        }
    }

    private static void Within(string name, int value, int min, int max)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name}: {value} is not between {min} and {max}");
        }
    }

    private static void Positive(string name, TimeSpan value)
    {
        if (value <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name}: {value} is not a time to wait");
        }
    }
}
