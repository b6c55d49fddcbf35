using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>
/// Turns a record into the row that one timeline keeps of it: evaluates the filters into flag bits, copies the columns, and gives texts their codes. Allocates nothing but
/// the strings that filters look at, and those only once for each of a few hundred recent ones. One thread at a time; reused from record to record.
/// </summary>
internal sealed class RowReader
{
    private readonly RowLayout _layout;
    private readonly TimelinePlan _plan;
    private readonly Value[] _fields;
    private readonly bool[] _filterTexts;
    private readonly FieldPlace[] _places;
    private readonly long[] _cells;
    private readonly bool _needsFields;
    private readonly int[]? _fixedOffsets;
    private readonly int _fixedBytes;
    private readonly RecentTexts _recent = new();

    public RowReader(RowLayout layout)
    {
        _layout = layout;
        _plan = layout.Plan;
        _fields = new Value[_plan.Stream.Fields.Length];
        _filterTexts = new bool[_fields.Length];
        _places = new FieldPlace[_fields.Length];
        _cells = new long[layout.CellCount];
        _needsFields = !_plan.Columns.IsEmpty || _plan.Filters.Any(filter => filter.Where is not null);
        _fixedOffsets = FixedOffsets();
        _fixedBytes = (_fields.Length + 7) / 8;
        for (int column = 0; column < (_fixedOffsets?.Length ?? 0); column++)
        {
            _fixedBytes = Math.Max(_fixedBytes, _fixedOffsets![column] + (_plan.Columns[column].Type == FieldType.Bool ? 1 : sizeof(long)));
        }

        foreach (int field in _plan.Filters.SelectMany(filter => filter.Where?.FieldsUsed ?? []))
        {
            _filterTexts[field] = true;
        }
    }

    /// <summary>The row, which holds its texts; valid until the next call.</summary>
    public ReadOnlySpan<long> Read(in EventRecord record)
    {
        _cells[RowLayout.Time] = record.Time.Micros;
        _cells[RowLayout.Arrival] = record.Arrival.Micros;
        _cells[RowLayout.Until] = 0;
        _cells[RowLayout.Id] = IdOf(record);
        if (_fixedOffsets is { } offsets && record.HasNoNulls(_plan.Stream.Versions[^1], _fixedBytes))
        {
            ReadFixed(record, offsets);
            return _cells;
        }

        if (_needsFields)
        {
            record.FindFields(_plan.Stream, _places);
        }

        ulong flags = FilterFlags(record);
        for (int index = 0; index < _plan.Columns.Length; index++)
        {
            ColumnPlan column = _plan.Columns[index];
            ref readonly FieldPlace place = ref _places[column.Field];
            flags |= place.IsNull ? column.NullBit : 0;
            _cells[RowLayout.FirstColumn + index] = place.IsNull ? 0 : column.Type switch
            {
                FieldType.String => _layout.Memory.Texts.Add(place.Text(record)),
                FieldType.Double => OnlyZero(place.Bits),
                _ => place.Bits,
            };
        }

        _cells[RowLayout.Flags] = (long)flags;
        return _cells;
    }

    /// <summary>The id as rows hold it; a text id is held until it is released.</summary>
    public long IdOf(in EventRecord record) => _layout.HasTextId ? _layout.Memory.Texts.Add(record.IdText) : record.IdNumber;

    /// <summary>
    /// Where each column lies in a record of the newest version without nulls, if that is the same in all of them: a column is a number, no text comes before it, and no condition looks at other
    /// fields. Most streams are read so, at a few nanoseconds instead of a few for each field.
    /// </summary>
    private int[]? FixedOffsets()
    {
        if (_plan.Filters.Any(filter => filter.Where is not null) || _plan.Columns.Any(column => column.Type == FieldType.String))
        {
            return null;
        }

        int[] offsets = [.. _plan.Columns.Select(column => EventRecord.FixedOffset(_plan.Stream.Versions[^1], column.Field))];
        return offsets.Contains(EventRecord.NotFixed) ? null : offsets;
    }

    private void ReadFixed(in EventRecord record, int[] offsets)
    {
        for (int index = 0; index < offsets.Length; index++)
        {
            FieldType type = _plan.Columns[index].Type;
            long bits = record.BitsAt(offsets[index], type);
            _cells[RowLayout.FirstColumn + index] = type == FieldType.Double ? OnlyZero(bits) : bits;
        }

        _cells[RowLayout.Flags] = _plan.Filters.IsEmpty ? 0 : (long)FilterFlags(record);
    }

    /// <summary>Adding zero turns -0.0 into 0.0, so that equal numbers have equal bits.</summary>
    private static long OnlyZero(long bits) => BitConverter.DoubleToInt64Bits(BitConverter.Int64BitsToDouble(bits) + 0.0);

    private ulong FilterFlags(in EventRecord record)
    {
        if (_plan.Filters.IsEmpty)
        {
            return 0;
        }

        for (int field = 0; _needsFields && field < _fields.Length; field++)
        {
            if (_filterTexts[field])
            {
                _fields[field] = _places[field].IsNull ? Value.Null
                    : _plan.Stream.Fields[field].Type == FieldType.String ? Value.Of(_recent.Get(_places[field].Text(record)))
                    : Value.FromBits(_plan.Stream.Fields[field].Type, _places[field].Bits);
            }
        }

        ulong flags = 0;
        for (int bit = 0; bit < _plan.Filters.Length; bit++)
        {
            FilterPlan filter = _plan.Filters[bit];
            flags |= (filter.Where?.Matches(_fields) ?? CameInTime(record, filter.AllowedLateness!.Value)) ? 1UL << bit : 0;
        }

        return flags;
    }

    private static bool CameInTime(in EventRecord record, Duration allowed) =>
        record.StreamTimeMicros == EventRecord.NoStreamTime || record.Time.Micros >= record.StreamTimeMicros - allowed.Micros;

    /// <summary>Strings of recent UTF-8, one for each hash: filters compare few different texts, and making a string of each would be an allocation for each event.</summary>
    private sealed class RecentTexts
    {
        private const int Count = 256;
        private readonly (byte[] Utf8, string Text)[] _entries = new (byte[], string)[Count];

        public string Get(ReadOnlySpan<byte> utf8)
        {
            ref (byte[] Utf8, string Text) entry = ref _entries[StableHash.Of(utf8) % Count];
            if (entry.Utf8 is null || !utf8.SequenceEqual(entry.Utf8))
            {
                entry = (utf8.ToArray(), Encoding.UTF8.GetString(utf8));
            }

            return entry.Text;
        }
    }
}
