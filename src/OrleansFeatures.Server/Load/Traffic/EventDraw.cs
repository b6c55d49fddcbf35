using OrleansFeatures.Server.Demo;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>
/// Made-up events of a stream. Each has a number of its own, from which and from the seed all of it follows except its id and its time: ids begin with the microsecond at which
/// the run began and go up by one, so that no two runs share one (that would take a million events a second); the event time is given.
/// Safe for concurrent use.
/// </summary>
internal sealed class EventDraw(TrafficSchema traffic, int entities, ulong seed)
{
    private const int OtherValues = 1_000;
    private const double AmountMax = 200;
    private const double TrueShare = 0.01;

    private readonly long _firstId = NowMicros();
    private long _drawn;

    public static long NowMicros() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>So many events in columns, all of the same time, or evenly spread over a span that ends then.</summary>
    public PushRequest Batch(int count, long timeMicros, long spanMicros = 0)
    {
        long first = Interlocked.Add(ref _drawn, count) - count;
        var random = new SeededRandom(seed ^ (ulong)first);
        var columns = new ColumnEvents { Count = (uint)count };
        columns.Columns.AddRange(traffic.Schema.Fields.Select(field => ColumnOf(field, first, count, random, timeMicros, spanMicros)));
        return new PushRequest { Stream = traffic.Stream, Columns = columns };
    }

    /// <summary>One event as a row.</summary>
    public EventRow Row(long timeMicros)
    {
        long number = Interlocked.Increment(ref _drawn) - 1;
        var random = new SeededRandom(seed ^ (ulong)number);
        var row = new EventRow();
        row.Values.AddRange(traffic.Schema.Fields.Select(field => ValueOf(field, number, random, timeMicros)));
        return row;
    }

    /// <summary>The key column of some entities, drawn at random.</summary>
    public static KeyColumn Keys(string name, FieldType type, int rows, int entities, SeededRandom random)
    {
        var column = new KeyColumn { Field = name };
        for (int row = 0; row < rows; row++)
        {
            if (type == FieldType.Int64)
            {
                column.Int64S.Add(random.Below(entities));
            }
            else
            {
                column.Strings.Add(KeyText(random.Below(entities)));
            }
        }

        return column;
    }

    /// <summary>Values of one type that are nobody's id or key.</summary>
    public static Column Values(FieldType type, int count, SeededRandom random)
    {
        var column = new Column();
        for (int at = 0; at < count; at++)
        {
            Add(column, OtherValue(type, random, NowMicros(), OtherValues));
        }

        return column;
    }

    private Column ColumnOf(Field field, long first, int count, SeededRandom random, long timeMicros, long spanMicros)
    {
        var column = new Column();
        for (int at = 0; at < count; at++)
        {
            Add(column, ValueOf(field, first + at, random, timeMicros - (spanMicros * (count - 1 - at) / count)));
        }

        return column;
    }

    private static void Add(Column column, Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.Int64:
                column.Int64S.Add(value.Int64);
                break;
            case Value.KindOneofCase.Double:
                column.Doubles.Add(value.Double);
                break;
            case Value.KindOneofCase.String:
                column.Strings.Add(value.String);
                break;
            case Value.KindOneofCase.Bool:
                column.Bools.Add(value.Bool);
                break;
            default:
                column.TimestampsMicros.Add(value.TimestampMicros);
                break;
        }
    }

    private Value ValueOf(Field field, long number, SeededRandom random, long timeMicros)
    {
        if (field.Name == traffic.Schema.EventId)
        {
            return field.Type == FieldType.Int64 ? new Value { Int64 = _firstId + number } : new Value { String = $"bench-{_firstId + number}" };
        }

        return OtherValue(field.Type, random, timeMicros, traffic.EntityFields.Contains(field.Name) ? entities : OtherValues);
    }

    private static Value OtherValue(FieldType type, SeededRandom random, long timeMicros, int below) => type switch
    {
        FieldType.Int64 => new Value { Int64 = random.Below(below) },
        FieldType.Double => new Value { Double = Math.Round(random.Uniform(0, AmountMax), 2) },
        FieldType.Bool => new Value { Bool = random.Unit() < TrueShare },
        FieldType.Timestamp => new Value { TimestampMicros = timeMicros },
        _ => new Value { String = KeyText(random.Below(below)) },
    };

    private static string KeyText(int number) => $"k{number}";
}
