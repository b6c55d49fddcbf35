using System.Collections.Concurrent;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// Calls under way by client, for those that say who they are. A name that nobody has calls under now is forgotten when there are too many; if none is, further names share one count, so that making up names gains nothing. Any thread.
/// </summary>
internal sealed class ClientCalls(int callsMax)
{
    private readonly ConcurrentDictionary<string, Share> _shares = new(StringComparer.Ordinal);
    private readonly Share _others = new();

    /// <summary>Null when the client has as many calls under way as it may; otherwise <see cref="Leave"/> once with what is returned.</summary>
    public Share? TryEnter(string client)
    {
        Share share = ShareOf(client);
        if (Interlocked.Increment(ref share.UnderWay) <= callsMax)
        {
            return share;
        }

        Interlocked.Decrement(ref share.UnderWay);
        return null;
    }

    /// <param name="share">Null for a call without a name.</param>
    public static void Leave(Share? share)
    {
        if (share is not null)
        {
            Interlocked.Decrement(ref share.UnderWay);
        }
    }

    private Share ShareOf(string client)
    {
        if (_shares.TryGetValue(client, out Share? known))
        {
            return known;
        }

        if (client.Length > Limits.ClientNameCharsMax)
        {
            return _others;
        }

        if (_shares.Count >= Limits.ClientNamesMax)
        {
            foreach ((string name, Share idle) in _shares)
            {
                // One that enters just now keeps a count of its own until it leaves: a few calls too many at the worst.
                if (Volatile.Read(ref idle.UnderWay) == 0)
                {
                    _shares.TryRemove(name, out _);
                }
            }
        }

        return _shares.Count >= Limits.ClientNamesMax ? _others : _shares.GetOrAdd(client, static _ => new Share());
    }

    internal sealed class Share
    {
        public int UnderWay;
    }
}
