using Google.Protobuf;
using Grpc.Core;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using AnswerColumn = OrleansFeatures.Domain.Definitions.AnswerColumn;
using FeatureRead = OrleansFeatures.Entities.Reads.FeatureRead;
using FeatureStatus = OrleansFeatures.Domain.State.FeatureStatus;
using FeatureValue = OrleansFeatures.Domain.State.FeatureValue;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Feature requests as protobuf, up to the entities, instants and context that they mean (the first byte is 0), and entity keys as bytes (1). A key that was made of a request has the request's fields in it, and so has each row's
/// context, with which every on-demand feature computes a value of its type or none; keys that were read, written again, are the same bytes.
/// </summary>
internal sealed class ReadTarget : FuzzTarget
{
    /// <summary>Rows of a request that are looked at: more of them say nothing else.</summary>
    private const int RowsMax = 200;

    private readonly Selections _selections = new();

    public override string Name => "read";

    public override long AllocationMax(int length) => (4 * Limits.AllocationBase) + (length * 10_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        yield return [0, .. Request(new FeatureSelection { FeatureService = "all" }, 3).ToByteArray()];
        yield return [0, .. Request(new FeatureSelection { FeatureService = "few@1" }, 1).ToByteArray()];
        yield return [0, .. Request(new FeatureSelection { Features = new FeatureList { Names = { "sales:*", "tills:ever", "traffic:hits" } } }, 2).ToByteArray()];
        yield return [0, .. WithContext(Request(new FeatureSelection { FeatureService = "online" }, 3), perRow: true).ToByteArray()];
        yield return [0, .. WithContext(Request(new FeatureSelection { Features = new FeatureList { Names = { "units_or", "is_best", "dearness" } } }, 2), perRow: false).ToByteArray()];
        var key = new byte[EntityKeyEncoding.BytesMax];
        int length = EntityKeyEncoding.Append(key, Value.Of("shop é"));
        length += EntityKeyEncoding.Append(key.AsSpan(length), Value.Of(-7L));
        yield return [1, .. key[..length]];
        yield return [1];
    }

    public override byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus) => input.Length > 1 && input[0] == 0 ? [0, .. ProtobufMutation.Of(input[1..], random, corpus)] : null;

    public override Verdict Run(byte[] input)
    {
        byte[] bytes = input[Math.Min(1, input.Length)..];
        if (input.Length > 0 && (input[0] & 1) != 0)
        {
            return Key(bytes);
        }

        try
        {
            return Read(WireMessage.Read(GetFeaturesRequest.Parser, bytes));
        }
        catch (RpcException invalid)
        {
            return Verdict.Refuse(invalid.Status.DebugException?.Message ?? invalid.Status.Detail);
        }
        catch (RequestRefusedException refused)
        {
            WrongAnswerException.Unless(refused.Refusal.Reason.Length > 0 && refused.Refusal.Fix.Length > 0, "a refusal without reason or fix");
            return Verdict.Refuse($"{refused.Refusal.Field} {refused.Refusal.Reason}");
        }
    }

    private Verdict Read(GetFeaturesRequest request)
    {
        Selection selection = _selections.Resolve(Examples.Catalog, request.What);
        var keys = new RowKeys(selection, request.Keys);
        var context = RequestContext.Of(selection, request.Context);
        int all = keys.Rows ?? context.Rows ?? 1;
        if (all <= RowsMax)
        {
            Compute(request, selection, context, all);
        }

        int rows = Math.Min(keys.Rows ?? 1, RowsMax);
        var times = new EventTime[rows];
        RowTimes.FillAsOf(times, request.AsOfMicros, new EventTime(1), 0);
        RowTimes.FillKnownAt(times, request.KnownAtMicros, 0);
        var encoded = new ReadOnlyMemory<byte>[rows * selection.Entities.Length];
        keys.Encode(encoded, 0);
        for (int row = 0; row < rows; row++)
        {
            for (int entity = 0; entity < selection.Entities.Length; entity++)
            {
                Value[] fields = EntityKeyEncoding.Read(encoded[(row * selection.Entities.Length) + entity].Span);
                var plan = selection.Entities[entity].Entity.Key;
                WrongAnswerException.Unless(fields.Length == plan.Length, "a key has another number of fields than its entity type");
                for (int field = 0; field < fields.Length; field++)
                {
                    KeyColumn column = request.Keys.Single(given => given.Field == plan[field].Name);
                    Value given = plan[field].Type == Domain.Events.FieldType.String ? Value.Of(column.Strings[row]) : column.Int64S.Count > 0 ? Value.Of(column.Int64S[row]) : Value.Of(long.Parse(column.Strings[row], System.Globalization.CultureInfo.InvariantCulture));
                    WrongAnswerException.Unless(fields[field] == given, $"a key has {fields[field]} where the request has {given}");
                }
            }
        }

        return Verdict.Accept($"{selection.Features.Length} {selection.Entities.Length} {Math.Min(rows, 4)} {request.AsOfStreamTime} {request.KnownAtMicros.Count > 0}");
    }

    private static void Compute(GetFeaturesRequest request, Selection selection, RequestContext context, int rows)
    {
        var read = new FeatureRead(selection, rows);
        context.Fill(read.Context, rows, 0);
        for (int index = 0; index < read.Context.Length; index++)
        {
            var field = selection.RequestFields[index % selection.RequestFields.Length];
            Value taken = read.Context[index];
            Value? given = Given(request.Context.Single(column => column.Field == field.Name).Values, index / selection.RequestFields.Length);
            bool isTaken = given is not { } value ? taken.IsNull : taken.Type == field.Type && (value.Type == Domain.Events.FieldType.String || taken == value || taken == Value.Of((double)value.Bits) || taken == Value.Of(value.Bits == 1));
            WrongAnswerException.Unless(isTaken, $"row {index / selection.RequestFields.Length} has {taken} for {field.Name} where the request has {given}");
        }

        // Whatever entities may answer.
        FeatureStatus[] statuses = [.. Enum.GetValues<FeatureStatus>()];
        for (int index = 0; index < read.Values.Length; index++)
        {
            FeatureStatus status = statuses[(index + rows) % statuses.Length];
            read.Values[index] = status is FeatureStatus.Present or FeatureStatus.Approximate ? new FeatureValue(status, Some(selection.Features[index % selection.Features.Length].Type, index), null) : FeatureValue.Without(status);
        }

        ReadOnlySpan<FeatureValue> answer = read.Answer(0, rows);
        for (int index = 0; index < answer.Length && !selection.IsPlain; index++)
        {
            AnswerColumn column = selection.Columns[index % selection.Columns.Length];
            WrongAnswerException.Unless(!answer[index].HasValue || answer[index].Scalar.Type == column.Type, $"{column.Name} is declared {column.Type} and is {answer[index]}");
            WrongAnswerException.Unless(column.Type != Domain.Events.FieldType.Double || !answer[index].HasValue || double.IsFinite(answer[index].Scalar.Double), $"{column.Name} is {answer[index]}");
        }
    }

    private static Value Some(Domain.Events.FieldType type, int number) => type switch
    {
        Domain.Events.FieldType.Double => Value.Of((number - 3) * 0.25),
        Domain.Events.FieldType.String => Value.Of($"text {number}"),
        Domain.Events.FieldType.Bool => Value.Of(number % 2 == 0),
        Domain.Events.FieldType.Timestamp => Value.Of(new EventTime(number)),
        _ => Value.Of(number % 3 == 0 ? long.MaxValue : (long)number),
    };

    /// <summary>What a column of the request says for a row; null for null.</summary>
    private static Value? Given(Column column, int row)
    {
        int count = column.Int64S.Count + column.Doubles.Count + column.Bools.Count + column.TimestampsMicros.Count + column.Strings.Count;
        int index = count == 1 ? 0 : row;
        return column.Nulls.Length > index / 8 && (column.Nulls[index / 8] & (1 << (index % 8))) != 0 ? null
            : column.Int64S.Count > 0 ? Value.Of(column.Int64S[index])
            : column.Doubles.Count > 0 ? Value.Of(column.Doubles[index])
            : column.Bools.Count > 0 ? Value.Of(column.Bools[index])
            : column.TimestampsMicros.Count > 0 ? Value.Of(new EventTime(column.TimestampsMicros[index]))
            : Value.Of(column.Strings[index]);
    }

    private static Verdict Key(byte[] bytes)
    {
        Value[] fields;
        try
        {
            fields = EntityKeyEncoding.Read(bytes);
        }
        catch (InvariantException wrong)
        {
            return Verdict.Refuse(wrong.Message);
        }

        if (System.Text.Unicode.Utf8.IsValid(bytes) && bytes.Length <= EntityKeyEncoding.BytesMax)
        {
            var again = new byte[bytes.Length + 16];
            int length = 0;
            foreach (Value field in fields)
            {
                length += EntityKeyEncoding.Append(again.AsSpan(length), field);
            }

            WrongAnswerException.Unless(again.AsSpan(0, length).SequenceEqual(bytes), "a key that was read is written as another");
        }

        return Verdict.Accept($"key {string.Concat(fields.Take(9).Select(field => field.Type == Domain.Events.FieldType.String ? 's' : 'i'))}");
    }

    private static GetFeaturesRequest Request(FeatureSelection what, int rows)
    {
        var shops = new KeyColumn { Field = "shop" };
        var tills = new KeyColumn { Field = "till" };
        for (int row = 0; row < rows; row++)
        {
            shops.Strings.Add($"shop {row}");
            tills.Int64S.Add(row);
        }

        var request = new GetFeaturesRequest { What = what, Keys = { shops }, AsOfMicros = { 1_522_540_831_000_000 }, KnownAtMicros = { long.MaxValue } };
        if (what.FeatureService != "few@1")
        {
            request.Keys.Add(tills);
        }

        return request;
    }

    /// <summary>Each field in another kind of list, some of them as text or with nulls.</summary>
    private static GetFeaturesRequest WithContext(GetFeaturesRequest request, bool perRow)
    {
        int values = perRow ? request.Keys[0].Strings.Count : 1;
        Column Values(Action<Column, int> add)
        {
            var column = new Column();
            Enumerable.Range(0, values).ToList().ForEach(row => add(column, row));
            return column;
        }

        Column units = Values((column, row) => column.Strings.Add($"{row}"));
        units.Nulls = ByteString.CopyFrom(1);
        request.Context.Add(new ContextColumn { Field = "amount", Values = Values((column, row) => column.Doubles.Add(row * 2.5)) });
        request.Context.Add(new ContextColumn { Field = "note", Values = Values((column, row) => column.Strings.Add($"text {row}")) });
        request.Context.Add(new ContextColumn { Field = "at", Values = Values((column, row) => column.TimestampsMicros.Add(1_522_540_831_000_000 + row)) });
        request.Context.Add(new ContextColumn { Field = "units", Values = units });
        return request;
    }
}
