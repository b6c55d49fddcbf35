using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Watch;

/// <summary>What a screen shows of one moment.</summary>
internal sealed record WatchSnapshot(IReadOnlyList<string> KeyFields, IReadOnlyList<string> Columns, IReadOnlyList<WatchedRow> Rows, ulong Sent, ulong Through, string? Trouble);

/// <summary>The rows that have been sent, newest first, for a screen that looks whenever it draws. Written by one thread, read by another.</summary>
internal sealed class WatchedRows
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<WatchedRow>> _byName = [];
    private readonly LinkedList<WatchedRow> _newestFirst = [];
    private FeatureCells _cells = new([]);
    private string[] _keyFields = [];
    private ulong _sent;
    private ulong _through;
    private string? _trouble;

    public ulong Through
    {
        get
        {
            lock (_gate)
            {
                return _through;
            }
        }
    }

    /// <summary>Rows sent so far.</summary>
    public ulong Sent
    {
        get
        {
            lock (_gate)
            {
                return _sent;
            }
        }
    }

    /// <summary>The columns of the rows to come.</summary>
    public FeatureCells Cells => _cells;

    /// <summary>Why nothing comes at the moment; null while the connection stands.</summary>
    public void SayTrouble(string? trouble)
    {
        lock (_gate)
        {
            _trouble = trouble;
        }
    }

    public void Take(SubscribeResponse message)
    {
        lock (_gate)
        {
            _cells = message.Columns.Count > 0 ? new FeatureCells(message.Columns) : _cells;
            _keyFields = message.Keys.Count > 0 ? [.. message.Keys.Select(key => key.Field)] : _keyFields;
            _trouble = null;
            for (int row = 0; row < message.AsOfMicros.Count; row++)
            {
                Put(message, row);
            }

            _through = message.Through;
        }
    }

    public WatchSnapshot Snapshot(int rows)
    {
        lock (_gate)
        {
            return new WatchSnapshot(_keyFields, _cells.Names, [.. _newestFirst.Take(rows)], _sent, _through, _trouble);
        }
    }

    private void Put(SubscribeResponse message, int row)
    {
        string name = string.Join('\n', WatchedRow.KeysOf(message, row));
        WatchedRow? before = null;
        if (_byName.Remove(name, out LinkedListNode<WatchedRow>? known))
        {
            _newestFirst.Remove(known);
            before = known.Value.Cells.Length == _cells.Columns.Count ? known.Value : null;
        }

        _byName[name] = _newestFirst.AddFirst(WatchedRow.Of(_cells, message, row, before));
        _sent++;
        if (_newestFirst.Count > Limits.WatchedRowsMax)
        {
            _byName.Remove(_newestFirst.Last!.Value.Name);
            _newestFirst.RemoveLast();
        }
    }
}
