using Google.Protobuf;
using Grpc.Core;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>A push as protobuf, rows or columns: from the bytes of the message to the bytes of the record.</summary>
internal sealed class PushTarget : FuzzTarget
{
    private readonly EventOracle _oracle = new();

    public override string Name => "push";

    /// <summary>A column of n entries may come of n/8 bytes of nulls, and a packed bool is one byte of wire.</summary>
    public override long AllocationMax(int length) => (4 * Limits.AllocationBase) + (length * 4_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        foreach (StreamPlan stream in (StreamPlan[])[Examples.Orders, Examples.Clicks])
        {
            foreach (int count in (int[])[1, 3, 9])
            {
                yield return Rows(stream, count).ToByteArray();
                yield return Columns(stream, count).ToByteArray();
            }
        }

        PushRequest mixed = Rows(Examples.Orders, 4);
        mixed.Producers.Add("till 1");
        mixed.Producers.Add("till 2");
        mixed.ProducerOfEvent.AddRange([0, 1, 1, 0]);
        mixed.OperationOfEvent.AddRange([Operation.Insert, Operation.Upsert, Operation.Delete, Operation.Insert]);
        mixed.ArrivalTimeMicros.AddRange([0, 1_600_000_000_000_000, 5, -1]);
        yield return mixed.ToByteArray();
        PushRequest old = Rows(Examples.Orders, 1);
        old.SchemaVersion = 1;
        old.FieldNames.AddRange(["amount", "id", "at", "shop"]);
        old.Rows = new RowEvents { Rows = { new EventRow { Values = { new V1.Value { String = "1.5" }, new V1.Value { String = "a" }, new V1.Value { String = "2018-04-01T00:00:31Z" }, new V1.Value { String = "s" } } } } };
        yield return old.ToByteArray();
    }

    public override byte[] Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus) => ProtobufMutation.Of(input, random, corpus);

    public override Verdict Run(byte[] input)
    {
        PushRequest request;
        try
        {
            request = WireMessage.Read(PushRequest.Parser, input);
        }
        catch (RpcException invalid)
        {
            return Verdict.Refuse(invalid.Status.DebugException?.Message ?? invalid.Status.Detail);
        }

        try
        {
            return request.EventsCase switch
            {
                PushRequest.EventsOneofCase.Rows => _oracle.Check(new RowSource(request)),
                PushRequest.EventsOneofCase.Columns => _oracle.Check(new ColumnSource(request)),
                _ => Verdict.Refuse("no events"),
            };
        }
        catch (RequestRefusedException refused)
        {
            return Verdict.Refuse(refused.Message);
        }
    }

    internal static PushRequest Rows(StreamPlan stream, int count)
    {
        var request = new PushRequest { Stream = stream.Name, Producer = "till", Rows = new RowEvents() };
        for (int number = 0; number < count; number++)
        {
            var row = new EventRow();
            row.Values.AddRange(Examples.Event(stream, number).Select(value => value.Type switch
            {
                FieldType.Int64 => new V1.Value { Int64 = value.Int64 },
                FieldType.Double => new V1.Value { Double = value.Double },
                FieldType.String => new V1.Value { String = value.Text },
                FieldType.Bool => new V1.Value { Bool = value.Bool },
                _ => new V1.Value { TimestampMicros = value.Bits },
            }));
            request.Rows.Rows.Add(row);
        }

        return request;
    }

    internal static PushRequest Columns(StreamPlan stream, int count)
    {
        var request = new PushRequest { Stream = stream.Name, Columns = new ColumnEvents { Count = (uint)count } };
        for (int position = 0; position < stream.Fields.Length; position++)
        {
            var column = new Column { Nulls = position == stream.Fields.Length - 1 ? ByteString.CopyFrom(new byte[(count + 7) / 8]) : ByteString.Empty };
            Value[] values = [.. Enumerable.Range(0, count).Select(number => Examples.Event(stream, number)[position])];
            switch (stream.Fields[position].Type)
            {
                case FieldType.Int64: column.Int64S.AddRange(values.Select(value => value.Int64)); break;
                case FieldType.Double: column.Doubles.AddRange(values.Select(value => value.Double)); break;
                case FieldType.String: column.Strings.AddRange(values.Select(value => value.Text)); break;
                case FieldType.Bool: column.Bools.AddRange(values.Select(value => value.Bool)); break;
                default: column.TimestampsMicros.AddRange(values.Select(value => value.Bits)); break;
            }

            request.Columns.Columns.Add(column);
        }

        return request;
    }
}
