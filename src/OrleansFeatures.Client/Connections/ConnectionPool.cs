namespace OrleansFeatures.Client.Connections;

/// <summary>
/// All connections of a client. A call takes the less busy of two drawn at random: nearly as even as the least busy of all, without looking at all of them, and without the herd that
/// several clients with the same rule would form. Servers that could not be reached lately are passed over as long as there are others. Any thread.
/// </summary>
internal sealed class ConnectionPool : IDisposable
{
    private readonly Connection[] _connections;
    private readonly TimeProvider _time;
    private readonly long _rest;

    public ConnectionPool(FeatureStoreClientOptions options)
    {
        // Server by server, so that one with few connections has its share of every stretch of the array.
        _connections = [.. Enumerable.Range(0, options.ConnectionsPerServer).SelectMany(_ => options.Servers.Select(server => new Connection(server)))];
        _time = options.Time;
        _rest = (long)(Limits.RestAfterFailure.TotalSeconds * _time.TimestampFrequency);
    }

    /// <summary>A connection for one call, which <see cref="Return"/> ends. One to another server than <paramref name="other"/>, or at least another connection, where there is one.</summary>
    public Connection Take(Connection? other = null)
    {
        long now = _time.GetTimestamp();
        Connection first = Draw();
        Connection second = Draw();
        Connection best = Rank(second, other, now) < Rank(first, other, now) ? second : first;
        if (Rank(best, other, now) >= PassedOver)
        {
            best = _connections.MinBy(connection => Rank(connection, other, now))!;
        }

        best.Begin();
        return best;
    }

    /// <summary>The call is over.</summary>
    /// <param name="connection">As it was taken.</param>
    /// <param name="isLost">The server could not be reached.</param>
    public void Return(Connection connection, bool isLost)
    {
        connection.End();
        if (isLost)
        {
            connection.RestUntil(_time.GetTimestamp() + _rest);
        }
    }

    public void Dispose()
    {
        foreach (Connection connection in _connections)
        {
            connection.Dispose();
        }
    }

    private const long PassedOver = 1L << 40;

    /// <summary>Less is better: whether it rests, whether it is the one (or its server is the one) to avoid, how busy it is.</summary>
    private static long Rank(Connection connection, Connection? other, long now) =>
        (connection.RestsAt(now) ? 4 * PassedOver : 0)
        + (ReferenceEquals(connection, other) ? 2 * PassedOver : other is not null && connection.Server == other.Server ? PassedOver : 0)
        + connection.UnderWay;

    private Connection Draw() => _connections[Random.Shared.Next(_connections.Length)];
}
