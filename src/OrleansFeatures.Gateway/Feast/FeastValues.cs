using System.Globalization;
using Feast.Types;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Gateway.Ingest;
using Value = Feast.Types.Value;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// Values between Feast's types and ours. Feast's timestamps count whole seconds, so that ours lose their microseconds on the way out; its times in text may lack a zone, and are then UTC, as Feast takes them.
/// </summary>
internal static class FeastValues
{
    private const long MicrosPerSecond = 1_000_000;

    /// <summary>Up to here every integer is exactly a double.</summary>
    private const double WholeDoubleMax = 1L << 53;

    /// <summary>Characters of a value that a message quotes.</summary>
    private const int QuotedMax = 64;

    private static readonly Value None = new();

    /// <summary>One answered cell; the shared empty value, which nobody may change, where there is none.</summary>
    public static Value Of(in FeatureValue value, Wire.FeatureColumn column) => (value.HasValue, column.Lane) switch
    {
        (false, _) => None,
        (true, Wire.Lane.List) => ListOf(value.List!, (FieldType)column.Type),
        (true, Wire.Lane.Map) => MapOf(value.List!, (FieldType)column.KeyType),
        _ => Of(value.Scalar),
    };

    public static Value Of(in Domain.Events.Value value) => value.Type switch
    {
        FieldType.Int64 => new Value { Int64Val = value.Int64 },
        FieldType.Double => new Value { DoubleVal = value.Double },
        FieldType.String => new Value { StringVal = value.Text },
        FieldType.Bool => new Value { BoolVal = value.Bool },
        FieldType.Timestamp => new Value { UnixTimestampVal = SecondsOf(value) },
        _ => None,
    };

    /// <summary>A value that came, as the declared type of a field; null as null. The rules are those of rows (docs/api.md), and Feast's own of times.</summary>
    public static EventRefusal? Read(Value came, FieldDefinition field, out Domain.Events.Value value)
    {
        value = default;
        if (came.ValCase is Value.ValOneofCase.None or Value.ValOneofCase.NullVal || TryRead(came, field.Type, out value))
        {
            return null;
        }

        return Mismatch.Types(field, TextOf(came) is null ? FieldType.Null : FieldType.String, TextOf(came) ?? Shown(came));
    }

    /// <summary>The integer that a double is; null for one that is none, or that has neighbours which look alike.</summary>
    public static long? Whole(double number) => number == Math.Floor(number) && Math.Abs(number) < WholeDoubleMax ? (long)number : null;

    /// <summary>The text of a value that is text of some kind, else null.</summary>
    public static string? TextOf(Value value) => value.ValCase switch
    {
        Value.ValOneofCase.StringVal => value.StringVal,
        Value.ValOneofCase.UuidVal => value.UuidVal,
        Value.ValOneofCase.TimeUuidVal => value.TimeUuidVal,
        Value.ValOneofCase.DecimalVal => value.DecimalVal,
        Value.ValOneofCase.JsonVal => value.JsonVal,
        _ => null,
    };

    /// <summary>For messages.</summary>
    public static string Shown(Value value)
    {
        string text = TextOf(value) is { } quoted ? $"'{quoted}'" : value.ValCase switch
        {
            Value.ValOneofCase.None or Value.ValOneofCase.NullVal => "null",
            Value.ValOneofCase.Int64Val => value.Int64Val.ToString(CultureInfo.InvariantCulture),
            Value.ValOneofCase.Int32Val => value.Int32Val.ToString(CultureInfo.InvariantCulture),
            Value.ValOneofCase.DoubleVal => value.DoubleVal.ToString("R", CultureInfo.InvariantCulture),
            Value.ValOneofCase.FloatVal => value.FloatVal.ToString("R", CultureInfo.InvariantCulture),
            Value.ValOneofCase.BoolVal => value.BoolVal ? "true" : "false",
            Value.ValOneofCase.UnixTimestampVal => $"the timestamp {value.UnixTimestampVal}",
            _ => $"a value of the kind {value.ValCase}",
        };
        return text.Length <= QuotedMax ? text : string.Concat(text.AsSpan(0, QuotedMax), "…");
    }

    private static bool TryRead(Value came, FieldType declared, out Domain.Events.Value value)
    {
        value = came.ValCase switch
        {
            Value.ValOneofCase.Int64Val => OfWhole(came.Int64Val, declared),
            Value.ValOneofCase.Int32Val => OfWhole(came.Int32Val, declared),
            Value.ValOneofCase.DoubleVal => OfDouble(came.DoubleVal, declared),
            Value.ValOneofCase.FloatVal => OfDouble(came.FloatVal, declared),
            Value.ValOneofCase.BoolVal when declared == FieldType.Bool => Domain.Events.Value.Of(came.BoolVal),
            Value.ValOneofCase.UnixTimestampVal when declared == FieldType.Timestamp => TimeOf(came.UnixTimestampVal),
            Value.ValOneofCase.ZonedTimestampVal when declared == FieldType.Timestamp => TimeOf(came.ZonedTimestampVal.UnixTimestamp),
            _ => TextOf(came) is { } text ? OfText(text, declared) : default,
        };
        return !value.IsNull;
    }

    private static Domain.Events.Value OfWhole(long number, FieldType declared) => declared switch
    {
        FieldType.Int64 => Domain.Events.Value.Of(number),
        FieldType.Double when Mismatch.IsExactDouble(number) => Domain.Events.Value.Of((double)number),
        FieldType.Bool when number is 0 or 1 => Domain.Events.Value.Of(number == 1),
        FieldType.String => Domain.Events.Value.Of(number.ToString(CultureInfo.InvariantCulture)),
        _ => default,
    };

    private static Domain.Events.Value OfDouble(double number, FieldType declared) => declared switch
    {
        FieldType.Double => Domain.Events.Value.Of(number),
        FieldType.Int64 when Whole(number) is { } whole => Domain.Events.Value.Of(whole),
        _ => default,
    };

    /// <summary>Python writes its booleans large, and times without a zone; Feast takes these for UTC.</summary>
    private static Domain.Events.Value OfText(string text, FieldType declared)
    {
        string plain = declared switch
        {
            FieldType.Bool when text is "True" or "False" => text == "True" ? "true" : "false",
            FieldType.Timestamp when !EventTime.TryParse(text, out _) => text + "Z",
            _ => text,
        };
        return TextCell.TryParse(plain, declared, out Domain.Events.Value value) ? value : default;
    }

    private static Domain.Events.Value TimeOf(long seconds) =>
        seconds is >= Domain.Limits.TimestampMinMicros / MicrosPerSecond and <= Domain.Limits.TimestampMaxMicros / MicrosPerSecond
            ? Domain.Events.Value.Of(new EventTime(seconds * MicrosPerSecond))
            : default;

    /// <summary>Downwards, also before 1970: the second in which it happened.</summary>
    private static long SecondsOf(in Domain.Events.Value time) => (long)Math.Floor((decimal)time.Time.Micros / MicrosPerSecond);

    private static Value ListOf(Domain.Events.Value[] list, FieldType type)
    {
        switch (type)
        {
            case FieldType.Int64:
                return new Value { Int64ListVal = new Int64List { Val = { list.Select(element => element.Int64) } } };
            case FieldType.Double:
                return new Value { DoubleListVal = new DoubleList { Val = { list.Select(element => element.Double) } } };
            case FieldType.Bool:
                return new Value { BoolListVal = new BoolList { Val = { list.Select(element => element.Bool) } } };
            case FieldType.Timestamp:
                return new Value { UnixTimestampListVal = new Int64List { Val = { list.Select(element => SecondsOf(element)) } } };
            default:
                return new Value { StringListVal = new StringList { Val = { list.Select(element => element.Text) } } };
        }
    }

    /// <summary>Keys and values alternate. Feast has one kind of map for text keys and another for the rest.</summary>
    private static Value MapOf(Domain.Events.Value[] pairs, FieldType keys)
    {
        if (keys == FieldType.String)
        {
            var map = new Map();
            for (int index = 0; index + 1 < pairs.Length; index += 2)
            {
                map.Val[pairs[index].Text] = Of(pairs[index + 1]);
            }

            return new Value { MapVal = map };
        }

        var scalars = new ScalarMap();
        for (int index = 0; index + 1 < pairs.Length; index += 2)
        {
            scalars.Val.Add(new ScalarMapEntry { Key = KeyOf(pairs[index]), Value = Of(pairs[index + 1]) });
        }

        return new Value { ScalarMapVal = scalars };
    }

    private static MapKey KeyOf(in Domain.Events.Value key) => key.Type switch
    {
        FieldType.Double => new MapKey { DoubleKey = key.Double },
        FieldType.Bool => new MapKey { BoolKey = key.Bool },
        FieldType.Timestamp => new MapKey { UnixTimestampKey = SecondsOf(key) },
        _ => new MapKey { Int64Key = key.Int64 },
    };
}
