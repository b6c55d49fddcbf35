using System.Buffers.Binary;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Events;

/// <summary>One field of a record, found but not copied: its bits, or where its text lies.</summary>
/// <param name="Bits">The number's column bits; for a text, zero.</param>
/// <param name="At">Where the text begins behind the record's fields; the id lies elsewhere, which -1 says.</param>
/// <param name="Length">The text's length in bytes.</param>
/// <param name="IsFound">False: null, or not in the record's version.</param>
internal readonly record struct FieldPlace(long Bits, int At, int Length, bool IsFound)
{
    public bool IsNull => !IsFound;

    public ReadOnlySpan<byte> Text(in EventRecord record) => At < 0 ? record.IdText : record.Fields.Slice(At, Length);
}

public readonly ref partial struct EventRecord
{
    /// <summary>
    /// Finds the fields by position in the stream's newest version; fields that this record's version does not have are null. Makes no strings.
    /// </summary>
    internal void FindFields(StreamPlan stream, Span<FieldPlace> places)
    {
        StreamVersion version = stream.Version(SchemaVersion)
            ?? throw new InvariantException($"a record of stream '{stream.Name}' has schema version {SchemaVersion}, which the definitions no longer hold");
        places.Clear();
        var fields = version.Definition.Fields;
        int at = (fields.Length + 7) / 8;
        Require(Fields.Length >= at, Fields, "inside its nulls");
        for (int position = 0; position < fields.Length; position++)
        {
            FieldPlace place;
            if (position == version.IdPosition)
            {
                place = new FieldPlace(IdNumber, -1, IdText.Length, true);
            }
            else if (position == version.TimePosition)
            {
                place = new FieldPlace(Time.Micros, 0, 0, true);
            }
            else if ((Fields[position >> 3] & (1 << (position & 7))) != 0)
            {
                continue;
            }
            else
            {
                (place, at) = Find(fields[position].Type, at);
            }

            int target = version.ToNewest[position];
            if (target >= 0)
            {
                places[target] = place;
            }
        }
    }

    /// <summary>What <see cref="FixedOffset"/> says of a field that has no fixed place: a text, one behind a text, the id, or the time.</summary>
    internal const int NotFixed = -1;

    /// <summary>Where a field, by position, lies behind the record's fields in a record of that version without nulls.</summary>
    internal static int FixedOffset(StreamVersion version, int field)
    {
        var fields = version.Definition.Fields;
        int at = (fields.Length + 7) / 8;
        for (int position = 0; position < fields.Length; position++)
        {
            bool isElsewhere = position == version.IdPosition || position == version.TimePosition;
            if (position == field)
            {
                return isElsewhere || fields[position].Type == FieldType.String ? NotFixed : at;
            }

            if (!isElsewhere && fields[position].Type == FieldType.String)
            {
                return NotFixed;
            }

            at += isElsewhere ? 0 : fields[position].Type == FieldType.Bool ? 1 : sizeof(long);
        }

        return NotFixed;
    }

    /// <summary>Whether the record is of that version and has all its fields.</summary>
    /// <param name="version">Which.</param>
    /// <param name="bytes">How many bytes its fields take at least, when no text comes before the last that is wanted.</param>
    internal bool HasNoNulls(StreamVersion version, int bytes) =>
        SchemaVersion == version.Definition.Version && Fields.Length >= bytes && !Fields[..((version.Definition.Fields.Length + 7) / 8)].ContainsAnyExcept((byte)0);

    /// <summary>The column bits of a number at its fixed offset.</summary>
    internal long BitsAt(int offset, FieldType type) =>
        type == FieldType.Bool ? (Fields[offset] != 0 ? 1 : 0) : BinaryPrimitives.ReadInt64LittleEndian(Fields[offset..]);

    private (FieldPlace Place, int Next) Find(FieldType type, int at)
    {
        RequireField(type, Fields[at..]);
        switch (type)
        {
            case FieldType.Bool:
                return (new FieldPlace(Fields[at] != 0 ? 1 : 0, 0, 0, true), at + 1);
            case FieldType.String:
                int length = BinaryPrimitives.ReadInt32LittleEndian(Fields[at..]);
                return (new FieldPlace(0, at + sizeof(int), length, true), at + sizeof(int) + length);
            default:
                return (new FieldPlace(BinaryPrimitives.ReadInt64LittleEndian(Fields[at..]), 0, 0, true), at + sizeof(long));
        }
    }
}
