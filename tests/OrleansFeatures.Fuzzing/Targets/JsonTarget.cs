using System.Text;
using System.Text.Json;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Bodies of REST requests: events in every form, and feature requests with their times, keys and consistency tokens. The first byte says which.</summary>
internal sealed class JsonTarget : FuzzTarget
{
    private readonly EventOracle _oracle = new();
    private readonly Selection _selection = Examples.Catalog.Service("all")!;

    public override string Name => "json";

    public override IReadOnlyList<byte[]> Tokens { get; } = Words(
        "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0000", "\\ud800", "\\udfff", "\\ud83d\\ude00", "null", "true", "false", "1e5", "-0", "1e400", "18446744073709551615", "\n", "\uFEFF", "\"id\":", "\"@op\":\"delete\"", "\"@arrival_time\":\"2018-04-01T00:00:31Z\"",
        "\"@producer\":", "{}", "[]", "[[[[[[[[[[[[[[[[[", "\"entities\":", "\"as_of\":\"stream\"", "\"known_at\":[null]", "\"min_token\":{\"partitions\":[0],\"offsets\":[1]}", "\"max_wait_ms\":5", "\"shop\":\"s\"", "\"till\":1", "2018-04-01T00:00:31Z", "/* */");

    public override long AllocationMax(int length) => (4 * Limits.AllocationBase) + (length * 4_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        const string order = """{"id":"a","at":"2018-04-01T00:00:31Z","shop":"s","till":7,"amount":"1.5","units":3,"paid":1,"due":"2019-01-01T00:00:00+02:00","note":"é\ud83d\ude00"}""";
        yield return Of('e', order);
        yield return Of('e', $"[{order},{{}},5,null,{order}]");
        yield return Of('e', $"{order}\n{{\"id\":\"b\",\"@op\":\"delete\"}}\nnot json\n\n{order}");
        yield return Of('e', """{"id":"c","at":"2018-04-01T00:00:31Z","shop":"s","@op":"upsert","@arrival_time":"2018-04-01T00:00:31Z","@producer":"p","amount":null}""");
        yield return Of('c', """{"click":9007199254740993,"when":"2018-04-01T00:00:31.123456Z","shop":"s","x":1e-7,"hit":true}""");
        yield return Of('f', """{"entities":[{"shop":"s","till":1},{"shop":"t","till":"2"}],"as_of":["stream","2018-04-01T00:00:31Z"]}""");
        yield return Of('f', """{"entities":[{"shop":"s","till":1}],"as_of":"2018-04-01T00:00:31Z","known_at":[null],"min_token":{"partitions":[0,63],"offsets":[1,18446744073709551615]},"max_wait_ms":100}""");
    }

    public override Verdict Run(byte[] input)
    {
        byte head = input.Length == 0 ? (byte)0 : input[0];
        byte[] body = input[Math.Min(1, input.Length)..];
        try
        {
            return (head & 3) == ('f' & 3) ? Features(body) : _oracle.Check(new JsonSource((head & 3) == ('c' & 3) ? "clicks" : "orders", 0, new JsonProvenance("", ""), JsonEvents.Read(body)));
        }
        catch (RequestRefusedException refused)
        {
            WrongAnswerException.Unless(refused.Refusal.Reason.Length > 0 && refused.Refusal.Fix.Length > 0, "a refusal without reason or fix");
            return Verdict.Refuse(refused.Refusal.Field + " " + refused.Refusal.Reason);
        }
    }

    private Verdict Features(byte[] body)
    {
        if (JsonText.Parse(body, out JsonElement element) is { } problem)
        {
            return Verdict.Refuse(problem);
        }

        if (element.ValueKind != JsonValueKind.Object)
        {
            return Verdict.Refuse("not an object");
        }

        GetFeaturesRequest request = FeatureRequests.Read(element, _selection);
        int rows = element.TryGetProperty("entities", out JsonElement entities) ? entities.GetArrayLength() : 0;
        WrongAnswerException.Unless(request.Keys.All(column => column.Strings.Count == rows), "a key column has another number of rows than there are entities");
        WrongAnswerException.Unless(request.AsOfMicros.All(micros => micros is >= Domain.Limits.TimestampMinMicros and <= Domain.Limits.TimestampMaxMicros), "an instant outside the calendar was read of text");
        return Verdict.Accept($"{Math.Min(rows, 3)} {request.AsOfStreamTime} {Math.Min(request.AsOfMicros.Count, 3)} {request.KnownAtMicros.Count > 0} {request.MinToken is null}");
    }

    private static byte[] Of(char head, string text) => [(byte)head, .. Encoding.UTF8.GetBytes(text)];
}
