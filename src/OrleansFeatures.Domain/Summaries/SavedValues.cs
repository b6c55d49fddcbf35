using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// Values and rows as sums save them. The plan knows their types, so none is written:
/// <code>
///   null        nothing             int64, timestamp   packed, signed         string   length, UTF-8
///   bool        a byte, 0 or 1      double             its eight bytes
///   row         time, id, value, rank; time and a numeric id as packed distances from the row before
/// </code>
/// </summary>
internal static class SavedValues
{
    public static void Save(StateWriter to, Value value)
    {
        switch (value.Type)
        {
            case FieldType.Null:
                break;
            case FieldType.Bool:
                to.Flag(value.Bool);
                break;
            case FieldType.Double:
                to.Int64(value.Bits);
                break;
            case FieldType.String:
                to.Text(value.Text);
                break;
            default:
                to.PackedSigned(value.Bits);
                break;
        }
    }

    /// <exception cref="StateFormatException">A double is not finite, which no event's is.</exception>
    public static Value Value(ref StateReader from, FieldType type)
    {
        switch (type)
        {
            case FieldType.Null:
                return default;
            case FieldType.Bool:
                return Events.Value.Of(from.Flag());
            case FieldType.Double:
                double value = from.Double();
                return double.IsFinite(value) ? Events.Value.Of(value) : throw new StateFormatException($"a value is {value}");
            case FieldType.String:
                return Events.Value.Of(from.Text());
            default:
                return Events.Value.FromBits(type, from.PackedSigned());
        }
    }

    public static void Save(StateWriter to, in StatisticRow row, in StatisticRow before)
    {
        to.PackedSigned(row.Time - before.Time);
        if (row.Id.Text is { } text)
        {
            to.Text(text);
        }
        else
        {
            to.PackedSigned(row.Id.Number - before.Id.Number);
        }

        Save(to, row.Value);
        Save(to, row.Rank);
    }

    public static StatisticRow Row(ref StateReader from, SummarySpec spec, in StatisticRow before)
    {
        long time = before.Time + from.PackedSigned();
        EventId id = spec.HasTextIds ? EventId.Of(from.Text()) : EventId.Of(before.Id.Number + from.PackedSigned());
        return new StatisticRow(time, id, Value(ref from, spec.Type), Value(ref from, spec.RankType));
    }
}
