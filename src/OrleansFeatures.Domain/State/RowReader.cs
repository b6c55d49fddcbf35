using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>
/// Turns a record into the row that one timeline keeps of it: evaluates the filters into flag bits, copies the columns. Belongs to one
/// thread at a time; reused from record to record.
/// </summary>
public sealed class RowReader
{
    private readonly TimelinePlan _plan;
    private readonly Value[] _fields;
    private readonly bool[] _texts;
    private readonly long[] _numbers;
    private readonly string?[] _rowTexts;
    private readonly bool _needsFields;

    public RowReader(TimelinePlan plan)
    {
        _plan = plan;
        _fields = new Value[plan.Stream.Fields.Length];
        _texts = new bool[plan.Stream.Fields.Length];
        _numbers = new long[plan.NumberSlots];
        _rowTexts = new string?[plan.TextSlots];
        _needsFields = !plan.Columns.IsEmpty || !plan.Filters.IsEmpty;
        foreach (int field in plan.Columns.Select(column => column.Field).Concat(plan.Filters.SelectMany(filter => filter.Where?.FieldsUsed ?? [])))
        {
            _texts[field] = true;
        }
    }

    /// <summary>The row; valid until the next call.</summary>
    internal RowView Read(in EventRecord record)
    {
        bool hasTextIds = _plan.Stream.HasTextIds;
        _numbers[Chunk.TimeSlot] = record.Time.Micros;
        if (hasTextIds)
        {
            _rowTexts[Chunk.TextIdSlot] = Encoding.UTF8.GetString(record.IdText);
        }
        else
        {
            _numbers[Chunk.NumericIdSlot] = record.IdNumber;
        }

        _numbers[Chunk.FlagsSlot] = _needsFields ? (long)ReadColumns(record) : 0;
        return new RowView(_numbers, _rowTexts, hasTextIds);
    }

    /// <summary>Fills the column slots and returns the row's flags.</summary>
    private ulong ReadColumns(in EventRecord record)
    {
        record.ReadFields(_plan.Stream, _texts, _fields);
        ulong flags = 0;
        for (int bit = 0; bit < _plan.Filters.Length; bit++)
        {
            FilterPlan filter = _plan.Filters[bit];
            bool passes = filter.Where?.Matches(_fields) ?? record.StreamTimeMicros == EventRecord.NoStreamTime || record.Time.Micros >= record.StreamTimeMicros - filter.AllowedLateness!.Value.Micros;
            flags |= passes ? 1UL << bit : 0;
        }

        foreach (ColumnPlan column in _plan.Columns)
        {
            ref readonly Value value = ref _fields[column.Field];
            flags |= value.IsNull ? column.NullBit : 0;
            if (column.Type == FieldType.String)
            {
                _rowTexts[column.Slot] = value.IsNull ? null : value.Text;
            }
            else
            {
                // Adding zero turns -0.0 into 0.0, so that equal numbers have equal bits.
                _numbers[column.Slot] = column.Type == FieldType.Double ? BitConverter.DoubleToInt64Bits(value.Double + 0.0) : value.Bits;
            }
        }

        return flags;
    }
}
