using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Connections;

/// <summary>What a client's pushes have made durable, as one token: per partition the newest offset. Any thread.</summary>
internal sealed class TokenMemory
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<uint, ulong> _offsets = [];
    private volatile ConsistencyToken? _all;

    /// <summary>Everything so far; null before the first push. Shared: do not change it.</summary>
    public ConsistencyToken? All => _all;

    public void Add(ConsistencyToken? token)
    {
        if (token is null || token.Partitions.Count == 0)
        {
            return;
        }

        lock (_lock)
        {
            bool isNewer = false;
            for (int index = 0; index < token.Partitions.Count; index++)
            {
                if (!_offsets.TryGetValue(token.Partitions[index], out ulong known) || known < token.Offsets[index])
                {
                    _offsets[token.Partitions[index]] = token.Offsets[index];
                    isNewer = true;
                }
            }

            if (isNewer)
            {
                _all = new ConsistencyToken { Partitions = { _offsets.Keys }, Offsets = { _offsets.Values } };
            }
        }
    }
}
