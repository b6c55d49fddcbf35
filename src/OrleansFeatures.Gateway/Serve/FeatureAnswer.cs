using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using FeatureStatus = OrleansFeatures.Domain.State.FeatureStatus;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Filled reads as the wire says them.</summary>
internal static class FeatureAnswer
{
    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> - 1, row-major, one lane per kind of value.</summary>
    public static Wire.FeatureRows Rows(FeatureRead read, int first, int count)
    {
        AnswerLayout layout = AnswerLayout.Of(read.Selection);
        var rows = new Wire.FeatureRows { RowCount = (uint)count };
        rows.Int64S.Capacity = count * layout.Widths[(int)Wire.Lane.Int64];
        rows.Doubles.Capacity = count * layout.Widths[(int)Wire.Lane.Double];
        rows.Strings.Capacity = count * layout.Widths[(int)Wire.Lane.String];
        rows.Lists.Capacity = count * layout.Widths[(int)Wire.Lane.List];
        rows.Maps.Capacity = count * layout.Widths[(int)Wire.Lane.Map];
        ReadOnlySpan<Wire.Lane> lanes = layout.Lanes.AsSpan();
        ReadOnlySpan<FeatureValue> values = read.Answer(first, count);
        byte[]? statuses = null;
        int column = 0;
        for (int cell = 0; cell < values.Length; cell++)
        {
            ref readonly FeatureValue value = ref values[cell];
            Append(rows, lanes[column], value);
            column = column + 1 == lanes.Length ? 0 : column + 1;
            if (value.Status != FeatureStatus.Present && statuses is null)
            {
                statuses = new byte[values.Length];
                statuses.AsSpan(0, cell).Fill((byte)FeatureStatus.Present);
            }

            if (statuses is not null)
            {
                statuses[cell] = (byte)value.Status;
            }
        }

        rows.Statuses = statuses is null ? ByteString.Empty : UnsafeByteOperations.UnsafeWrap(statuses);
        return rows;
    }

    /// <summary>The whole answer of a read from live state.</summary>
    public static Wire.GetFeaturesResponse Of(FeatureRead read, IEntityHost host, bool compact)
    {
        var response = new Wire.GetFeaturesResponse { Rows = Rows(read, 0, read.Rows) };
        if (read.Partial is { IsWhole: false } partial)
        {
            // The numbers of outcomes are those of the wire.
            response.RowStatuses = ByteString.CopyFrom(MemoryMarshal.AsBytes(partial.Outcomes));
        }

        if (compact)
        {
            return response;
        }

        response.Columns.AddRange(AnswerLayout.Of(read.Selection).Columns);
        AddStates(response.States, read, 0, read.Rows, host);
        return response;
    }

    /// <summary>From which states so many rows were answered.</summary>
    public static void AddStates(RepeatedField<Wire.EntityState> states, FeatureRead read, int first, int count, IEntityHost host)
    {
        long[] completeThrough = [.. read.Selection.Entities.Select(entity => StreamTime.Of(entity.Entity, host) ?? 0)];
        states.Capacity = count * completeThrough.Length;
        for (int index = first * completeThrough.Length; index < (first + count) * completeThrough.Length; index++)
        {
            int entity = index % completeThrough.Length;
            states.Add(new Wire.EntityState
            {
                Entity = read.Selection.Entities[entity].Entity.Name,
                StateVersion = (ulong)read.Stamps[index].StateVersion,
                LastEventTimeMicros = read.Stamps[index].LastEventTimeMicros,
                CompleteThroughMicros = completeThrough[entity],
            });
        }
    }

    /// <summary>One value by itself.</summary>
    public static Wire.FeatureCell Cell(in FeatureValue value, FeatureShape shape)
    {
        var cell = new Wire.FeatureCell { Status = (Wire.FeatureStatus)value.Status };
        switch (shape)
        {
            case FeatureShape.List:
                cell.List = ListOf(value.HasValue ? value.List : null);
                break;
            case FeatureShape.Map:
                cell.Map = MapOf(value.HasValue ? value.List : null);
                break;
            default:
                cell.Scalar = value.HasValue ? Of(value.Scalar) : null;
                break;
        }

        return cell;
    }

    private static void Append(Wire.FeatureRows rows, Wire.Lane lane, in FeatureValue value)
    {
        switch (lane)
        {
            case Wire.Lane.Int64:
                rows.Int64S.Add(value.HasValue ? value.Scalar.Bits : 0);
                break;
            case Wire.Lane.Double:
                rows.Doubles.Add(value.HasValue ? value.Scalar.Double : 0);
                break;
            case Wire.Lane.String:
                rows.Strings.Add(value.HasValue ? value.Scalar.Text : "");
                break;
            case Wire.Lane.List:
                rows.Lists.Add(ListOf(value.HasValue ? value.List : null));
                break;
            default:
                rows.Maps.Add(MapOf(value.HasValue ? value.List : null));
                break;
        }
    }

    private static Wire.ListValue ListOf(Value[]? values)
    {
        var list = new Wire.ListValue();
        foreach (Value value in values ?? [])
        {
            list.Values.Add(Of(value));
        }

        return list;
    }

    /// <summary>Keys and values alternate in the state's answer.</summary>
    private static Wire.MapValue MapOf(Value[]? pairs)
    {
        var map = new Wire.MapValue();
        for (int index = 0; index + 1 < (pairs?.Length ?? 0); index += 2)
        {
            map.Keys.Add(Of(pairs![index]));
            map.Values.Add(Of(pairs[index + 1]));
        }

        return map;
    }

    /// <summary>One scalar; without a kind where it is null.</summary>
    public static Wire.Value Of(in Value value) => value.Type switch
    {
        FieldType.Int64 => new Wire.Value { Int64 = value.Int64 },
        FieldType.Double => new Wire.Value { Double = value.Double },
        FieldType.String => new Wire.Value { String = value.Text },
        FieldType.Bool => new Wire.Value { Bool = value.Bool },
        FieldType.Timestamp => new Wire.Value { TimestampMicros = value.Time.Micros },
        _ => new Wire.Value(),
    };
}
