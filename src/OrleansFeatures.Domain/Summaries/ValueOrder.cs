using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>The order of values of one type: numbers by size, text bytewise over UTF-8, false before true.</summary>
internal static class ValueOrder
{
    public static int Compare(Value left, Value right) => left.Type switch
    {
        FieldType.String => Utf8Order.Compare(left.Text, right.Text),
        FieldType.Double => left.Double.CompareTo(right.Double),
        _ => left.Bits.CompareTo(right.Bits),
    };
}
