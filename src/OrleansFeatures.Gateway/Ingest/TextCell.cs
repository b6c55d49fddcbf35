using System.Globalization;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// Text read as a declared type, for the forms that are for convenience (rows, JSON): a decimal int64, a finite double, RFC 3339 with a zone,
/// true or false. The whole text must be it: no blanks, no units, no thousands separators.
/// </summary>
internal static class TextCell
{
    public static bool TryParse(string text, FieldType declared, out Value value)
    {
        value = default;
        switch (declared)
        {
            case FieldType.String:
                value = Value.Of(text);
                return true;
            case FieldType.Int64 when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole):
                value = Value.Of(whole);
                return true;
            case FieldType.Double when double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number):
                value = Value.Of(number);
                return true;
            case FieldType.Timestamp when EventTime.TryParse(text, out EventTime time):
                value = Value.Of(time);
                return true;
            case FieldType.Bool when text is "true" or "false":
                value = Value.Of(text is "true");
                return true;
            default:
                return false;
        }
    }
}
