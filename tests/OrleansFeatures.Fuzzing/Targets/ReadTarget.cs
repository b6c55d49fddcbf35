using Google.Protobuf;
using Grpc.Core;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Feature requests as protobuf, up to the entities and instants that they mean (the first byte is 0), and entity keys as bytes (1). A key that was made of a request has the request's fields in it; keys that were read, written again, are
/// the same bytes.
/// </summary>
internal sealed class ReadTarget : FuzzTarget
{
    private readonly Selections _selections = new();

    public override string Name => "read";

    public override long AllocationMax(int length) => (4 * Limits.AllocationBase) + (length * 10_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        yield return [0, .. Request(new FeatureSelection { FeatureService = "all" }, 3).ToByteArray()];
        yield return [0, .. Request(new FeatureSelection { FeatureService = "few@1" }, 1).ToByteArray()];
        yield return [0, .. Request(new FeatureSelection { Features = new FeatureList { Names = { "sales:*", "tills:ever", "traffic:hits" } } }, 2).ToByteArray()];
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
        int rows = Math.Min(keys.Rows ?? 1, 200);
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
}
