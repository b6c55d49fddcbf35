using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Serving;

/// <summary>Requests about the stream <c>clicks</c>, short to write.</summary>
internal static class Clicks
{
    /// <summary>2018-04-01T00:00:00Z.</summary>
    public const long Midnight = 1_522_540_800_000_000;

    public const long Second = 1_000_000;

    public static Value Of(long value) => new() { Int64 = value };

    public static Value Of(double value) => new() { Double = value };

    public static Value Of(string value) => new() { String = value };

    public static Value Of(bool value) => new() { Bool = value };

    public static Value At(long micros) => new() { TimestampMicros = micros };

    public static Value Null() => new();

    /// <summary>One good event; the rest of its fields are null unless given.</summary>
    public static EventRow Row(long id, long seconds, string user = "ada", long shop = 1, double amount = 1, long count = 1)
    {
        var row = new EventRow();
        row.Values.AddRange([Of(id), At(Midnight + (seconds * Second)), Of(user), Of(shop), Of(amount), Of(count), Null(), Null(), Null()]);
        return row;
    }

    public static PushRequest Rows(params EventRow[] rows)
    {
        var request = new PushRequest { Stream = "clicks", Rows = new RowEvents() };
        request.Rows.Rows.AddRange(rows);
        return request;
    }

    /// <summary>Good columnar events of consecutive ids, one second apart, with the first six fields.</summary>
    public static PushRequest Columns(long firstId, int count, string user = "ada")
    {
        var request = new PushRequest { Stream = "clicks", Columns = new ColumnEvents { Count = (uint)count } };
        request.FieldNames.AddRange(["id", "at", "user", "shop", "amount", "count"]);
        for (int column = 0; column < 6; column++)
        {
            request.Columns.Columns.Add(new Column());
        }

        for (int index = 0; index < count; index++)
        {
            request.Columns.Columns[0].Int64S.Add(firstId + index);
            request.Columns.Columns[1].TimestampsMicros.Add(Midnight + ((firstId + index) * Second));
            request.Columns.Columns[2].Strings.Add(user);
            request.Columns.Columns[3].Int64S.Add(1);
            request.Columns.Columns[4].Doubles.Add(1);
            request.Columns.Columns[5].Int64S.Add(1);
        }

        return request;
    }

    public static FeatureSelection Service(string name) => new() { FeatureService = name };

    public static FeatureSelection List(params string[] names)
    {
        var list = new FeatureList();
        list.Names.AddRange(names);
        return new FeatureSelection { Features = list };
    }

    public static KeyColumn Keys(string field, params string[] values)
    {
        var column = new KeyColumn { Field = field };
        column.Strings.AddRange(values);
        return column;
    }

    public static KeyColumn Keys(string field, params long[] values)
    {
        var column = new KeyColumn { Field = field };
        column.Int64S.AddRange(values);
        return column;
    }

    /// <summary>user_stats features of one user as of a second after midnight.</summary>
    public static GetFeaturesRequest Ask(string user, long seconds, ConsistencyToken? token, params string[] features)
    {
        var request = new GetFeaturesRequest { What = List(features), MinToken = token };
        request.Keys.Add(Keys("user", user));
        request.AsOfMicros.Add(Midnight + (seconds * Second));
        return request;
    }
}
