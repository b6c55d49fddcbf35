using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>A row that is to be sent: the keys of its entities, in the order of the selection's entity types, and what is known of when its newest event happened.</summary>
internal readonly record struct ChangedRow(ReadOnlyMemory<byte>[] Keys, EventTime Newest);

/// <summary>
/// The rows that a subscription follows: those listed, or every entity of the selection's one type. It finds the rows that changes concern, each once.
/// <code>
///   changes      c1 of ann, c2 of t7, c3 of ann        (stream order)
///   listed rows  0: ann, t1    1: bob, t7    2: ann, t7
///   concerned    0, 2, 1                               each once, in the order in which they were first met
/// </code>
/// One thread at a time, but for <see cref="Concerns"/>.
/// </summary>
internal sealed class SubscribedRows
{
    private readonly Selection _selection;
    private readonly Dictionary<uint, int> _entities;
    private readonly HashSet<uint>[] _streams;
    private readonly ReadOnlyMemory<byte>[][]? _listed;
    private readonly EventTime[] _newest;
    private readonly Dictionary<ReadOnlyMemory<byte>, List<int>>[] _rowsOf;

    /// <exception cref="RequestRefusedException">The keys do not fit the selection, or are too many; or there are none, and the selection is not of one entity type.</exception>
    public SubscribedRows(Selection selection, IList<KeyColumn> keys)
    {
        _selection = selection;
        _entities = selection.Entities.Select((read, index) => (read.Entity.Id, index)).ToDictionary();
        _streams = [.. selection.Entities.Select(read => read.Plan.Timelines.Select(timeline => read.Entity.Timelines[timeline].Stream.Id).ToHashSet())];
        _rowsOf = [.. selection.Entities.Select(_ => new Dictionary<ReadOnlyMemory<byte>, List<int>>(KeyBytes.Instance))];
        _newest = [];
        if (selection.Entities.IsEmpty)
        {
            throw Refuse.Argument("what", $"{selection.Name} reads no entity, so nothing can change", "select features of an entity");
        }

        if (keys.Count > 0)
        {
            _listed = ListedIn(selection, keys);
            _newest = new EventTime[_listed.Length];
            for (int row = 0; row < _listed.Length; row++)
            {
                Index(row);
            }
        }
        else if (selection.Entities.Length > 1)
        {
            throw Refuse.Argument("keys", $"{selection.Name} reads {string.Join(", ", selection.Entities.Select(read => read.Entity.Name))}, and which of them belong together is not known", "list the rows to follow, or select features of one entity type");
        }
    }

    /// <summary>Null where every entity is followed.</summary>
    public IReadOnlyList<ChangedRow>? Listed => _listed is null ? null : [.. _listed.Select((keys, row) => new ChangedRow(keys, _newest[row]))];

    /// <summary>The partitions of the listed rows' entities.</summary>
    public IEnumerable<PartitionId> Partitions(PartitionMap map) =>
        (_listed ?? []).SelectMany(keys => keys.Select((key, entity) => map.Of(_selection.Entities[entity].Entity, key.Span))).Distinct();

    /// <summary>Whether changes of an entity are of interest. Any thread.</summary>
    public bool Concerns(uint entityType, ReadOnlySpan<byte> key) =>
        _entities.TryGetValue(entityType, out int entity) && (_listed is null || _rowsOf[entity].GetAlternateLookup<ReadOnlySpan<byte>>().ContainsKey(key));

    /// <summary>The rows that changes concern. A change of a stream that the selection does not read concerns none.</summary>
    public List<ChangedRow> ChangedBy(IReadOnlyList<EntityChange> changes)
    {
        var places = new Dictionary<ReadOnlyMemory<byte>, int>(KeyBytes.Instance);
        var listedPlaces = new Dictionary<int, int>();
        var changed = new List<ChangedRow>();
        foreach (EntityChange change in changes)
        {
            if (!_entities.TryGetValue(change.EntityType, out int entity) || !_streams[entity].Contains(change.Stream))
            {
                continue;
            }

            if (_listed is null)
            {
                Meet(places, change.Key, [change.Key], change.Time, changed);
            }
            else if (_rowsOf[entity].TryGetValue(change.Key, out List<int>? rows))
            {
                foreach (int row in rows)
                {
                    _newest[row] = Later(_newest[row], change.Time);
                    Meet(listedPlaces, row, _listed[row], _newest[row], changed);
                }
            }
        }

        return changed;
    }

    private static void Meet<TRow>(Dictionary<TRow, int> places, TRow row, ReadOnlyMemory<byte>[] keys, EventTime newest, List<ChangedRow> changed)
        where TRow : notnull
    {
        if (places.TryAdd(row, changed.Count))
        {
            changed.Add(new ChangedRow(keys, newest));
        }
        else
        {
            int place = places[row];
            changed[place] = changed[place] with { Newest = Later(changed[place].Newest, newest) };
        }
    }

    private static EventTime Later(EventTime one, EventTime other) => one.Micros >= other.Micros ? one : other;

    private void Index(int row)
    {
        for (int entity = 0; entity < _rowsOf.Length; entity++)
        {
            ReadOnlyMemory<byte> key = _listed![row][entity];
            if (!_rowsOf[entity].TryGetValue(key, out List<int>? rows))
            {
                _rowsOf[entity][key] = rows = [];
            }

            rows.Add(row);
        }
    }

    private static ReadOnlyMemory<byte>[][] ListedIn(Selection selection, IList<KeyColumn> keys)
    {
        var columns = new RowKeys(selection, keys);
        int rows = columns.Rows ?? 0;
        if (rows is 0 or > Limits.SubscriptionKeysMax)
        {
            throw Refuse.Argument("keys", $"{rows} rows in one subscription", $"list 1 to {Limits.SubscriptionKeysMax}, or none to follow every entity");
        }

        var read = new FeatureRead(selection, rows);
        columns.Encode(read.Keys, firstRow: 0);
        return [.. read.Keys.Chunk(selection.Entities.Length)];
    }

    /// <summary>Keys by content, looked up by a span.</summary>
    private sealed class KeyBytes : IEqualityComparer<ReadOnlyMemory<byte>>, IAlternateEqualityComparer<ReadOnlySpan<byte>, ReadOnlyMemory<byte>>
    {
        public static readonly KeyBytes Instance = new();

        public ReadOnlyMemory<byte> Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public bool Equals(ReadOnlySpan<byte> alternate, ReadOnlyMemory<byte> other) => alternate.SequenceEqual(other.Span);

        public int GetHashCode(ReadOnlyMemory<byte> obj) => (int)StableHash.Of(obj.Span);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)StableHash.Of(alternate);
    }
}
