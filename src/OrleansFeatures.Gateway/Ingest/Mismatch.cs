using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Words for a value that is not of its field's type. One place, so that every transport explains itself alike.</summary>
internal static class Mismatch
{
    /// <summary>The largest integer up to which every integer is exactly a double.</summary>
    private const long ExactDoubleMax = 1L << 53;

    private const int QuotedMax = 64;

    /// <summary>A value of one type where the field declares another.</summary>
    public static EventRefusal Types(FieldDefinition field, FieldType came, string shown)
    {
        string quoted = came == FieldType.String ? $"'{Cut(shown)}'" : Cut(shown);
        return new EventRefusal(field.Name, $"{quoted} is not {Article(field.Type)}", FixOf(field.Type));
    }

    /// <summary>True for an integer that a double field can take without loss.</summary>
    public static bool IsExactDouble(long number) => number is >= -ExactDoubleMax and <= ExactDoubleMax;

    public static EventRefusal Inexact(FieldDefinition field, long number) =>
        new(field.Name, $"{number} has no exact double", "send a double, or declare the field int64");

    private static string Article(FieldType type) => type == FieldType.Int64 ? "an int64" : $"a {type.Name()}";

    private static string FixOf(FieldType type) => type switch
    {
        FieldType.Int64 => "send a whole number of at most 64 bits",
        FieldType.Double => "send a number",
        FieldType.Bool => "send true or false",
        FieldType.Timestamp => "send a timestamp (microseconds since 1970 in UTC, in the timestamp field of the message), or RFC 3339 text with a zone in rows and JSON",
        _ => "send text",
    };

    private static string Cut(string text) => text.Length <= QuotedMax ? text : string.Concat(text.AsSpan(0, QuotedMax), "…");
}
