using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Vectors;

/// <summary>Values of .NET as the wire has them. Times are microseconds since 1970 in UTC; what is finer is cut off.</summary>
internal static class Cells
{
    public static long MicrosOf(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset TimeOf(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);

    /// <exception cref="ArgumentException">No type of an event field.</exception>
    public static Value ValueOf(object? value) => value switch
    {
        null => new Value(),
        bool flag => new Value { Bool = flag },
        string text => new Value { String = text },
        DateTimeOffset time => new Value { TimestampMicros = MicrosOf(time) },
        float or double or decimal => new Value { Double = Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture) },
        byte or sbyte or short or ushort or int or uint or long => new Value { Int64 = Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture) },
        _ => throw new ArgumentException($"a {value.GetType().Name} is no value of a field: give null, a whole number, a double, a string, a bool or a DateTimeOffset", nameof(value)),
    };

    /// <summary>A column of one entry.</summary>
    public static Column ColumnOf(object? value)
    {
        Value cell = ValueOf(value);
        return cell.KindCase switch
        {
            Value.KindOneofCase.Int64 => new Column { Int64S = { cell.Int64 } },
            Value.KindOneofCase.Double => new Column { Doubles = { cell.Double } },
            Value.KindOneofCase.String => new Column { Strings = { cell.String } },
            Value.KindOneofCase.Bool => new Column { Bools = { cell.Bool } },
            Value.KindOneofCase.TimestampMicros => new Column { TimestampsMicros = { cell.TimestampMicros } },
            _ => new Column { Doubles = { 0 }, Nulls = Google.Protobuf.ByteString.CopyFrom(1) },
        };
    }
}
