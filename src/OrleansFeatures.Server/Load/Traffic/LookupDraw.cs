using OrleansFeatures.Server.Demo;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Made-up lookups of a feature service: entities drawn evenly from as many as there are. Requests are not changed after they are made, so they may be sent any number of times.</summary>
/// <param name="traffic">What to read.</param>
/// <param name="entities">How many there are of each type.</param>
/// <param name="asOfStream">At the stream's time, as data that is replayed needs it; else now.</param>
internal sealed class LookupDraw(TrafficSchema traffic, int entities, bool asOfStream)
{
    /// <summary>Some requests of so many rows each, together <see cref="Limits.LoadRowsPrepared"/> rows.</summary>
    public GetFeaturesRequest[] Draw(int rows, ulong seed)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, Math.Max(1, Limits.LoadRowsPrepared / rows)).Select(_ => One(rows, random))];
    }

    public GetFeaturesRequest One(int rows, SeededRandom random)
    {
        GetFeaturesRequest request = Empty();
        request.Keys.AddRange(traffic.Keys.Select(key => EventDraw.Keys(key.Name, key.Type, rows, entities, random)));
        request.Context.AddRange(Context(rows, random));
        return request;
    }

    /// <summary>The entities of a batch's last event; any, of types that the event does not name.</summary>
    public GetFeaturesRequest OfLastEvent(PushRequest batch)
    {
        GetFeaturesRequest request = Empty();
        request.Context.AddRange(Context(1, new SeededRandom(batch.Columns.Count)));
        foreach ((string name, FieldType type) in traffic.Keys.Select(key => (key.Name, key.Type)))
        {
            int at = traffic.Schema.Fields.ToList().FindIndex(field => field.Name == name);
            request.Keys.Add(at < 0 ? EventDraw.Keys(name, type, 1, entities, new SeededRandom(0)) : LastOf(batch.Columns.Columns[at], name));
        }

        return request;
    }

    /// <summary>What on-demand features want of the request: one value for each row.</summary>
    public IEnumerable<ContextColumn> Context(int rows, SeededRandom random) =>
        traffic.Context.Select(field => new ContextColumn { Field = field.Name, Values = EventDraw.Values(field.Type, rows, random) });

    private static KeyColumn LastOf(Column column, string name)
    {
        var key = new KeyColumn { Field = name };
        if (column.Int64S.Count > 0)
        {
            key.Int64S.Add(column.Int64S[^1]);
        }
        else
        {
            key.Strings.Add(column.Strings[^1]);
        }

        return key;
    }

    private GetFeaturesRequest Empty() => new()
    {
        What = new FeatureSelection { FeatureService = traffic.Service },
        AsOfStreamTime = asOfStream,
        Compact = true,
    };
}
