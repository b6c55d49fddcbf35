using System.Text;
using System.Text.Json;
using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// REST on a running store. The first line of an input is method and target, the rest is the body. Every answer is HTTP, none blames the store (500), and JSON where it says so; entity keys, instants and tokens in paths, queries
/// and bodies are all reached here.
/// </summary>
internal sealed class RestTarget : FuzzTarget
{
    private readonly RunningStore _store = new();

    public override string Name => "rest";

    public override IReadOnlyList<byte[]> Tokens { get; } = Words(
        "GET ", "POST ", "PUT ", "/features/v1/", "/events/v1/", ":get", "shop", "till", "orders", "clicks", "?as_of=", "&known_at=", "stream", "2018-04-01T00:00:31Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "%2F", "%2C", "%00", "%ff", "%F0%9F%98%80", ",", "%", "..", "//",
        "?producer=", "&op=delete", "&schema_version=1", "\n", "{", "}", "[", "]", "\"", "\\u0000", "\\ud800", "null", "1e400", "\"entities\":", "\"min_token\":{\"partitions\":[0,1],\"offsets\":[1,2]}", "\"max_wait_ms\":1", "online", "\"context\":{\"amount\":1}", "\"features\":[\"units_or\"]", "/healthz", "/readyz", "/metrics", "18446744073709551615", "-1");

    /// <summary>The server works on other threads.</summary>
    public override long AllocationMax(int length) => 64 * Limits.AllocationBase;

    public override IEnumerable<byte[]> Seeds()
    {
        const string order = """{"id":"a","at":"2018-04-01T00:00:31Z","shop":"s","till":7,"amount":1.5,"units":3,"paid":true,"due":"2019-01-01T00:00:00+02:00","note":"x"}""";
        string[] requests =
        [
            $"POST /events/v1/orders\n{order}",
            $"POST /events/v1/orders?producer=till&schema_version=2&op=upsert\n[{order},{order.Replace("\"a\"", "\"b\"", StringComparison.Ordinal)}]",
            "POST /events/v1/orders?op=delete\n{\"id\":\"a\"}",
            "POST /events/v1/clicks\n{\"click\":1,\"when\":\"2018-04-01T00:00:31Z\",\"shop\":\"s\",\"x\":1e-3,\"hit\":true}\n{\"click\":2,\"when\":\"2018-04-01T00:00:32Z\",\"shop\":\"s\"}",
            "GET /features/v1/shop/s?as_of=2018-04-01T01:00:00Z\n",
            "GET /features/v1/till/s,7?as_of=stream&known_at=2018-04-01T01:00:00Z\n",
            "GET /features/v1/shop/a%2Fb%20%C3%A9\n",
            "POST /features/v1/all:get\n{\"entities\":[{\"shop\":\"s\",\"till\":7},{\"shop\":\"t\",\"till\":\"8\"}],\"as_of\":\"stream\"}",
            "POST /features/v1/few:get\n{\"entities\":[{\"shop\":\"s\"}],\"as_of\":[\"2018-04-01T00:00:31Z\"],\"known_at\":[null],\"min_token\":{\"partitions\":[1],\"offsets\":[0]},\"max_wait_ms\":1}",
            "POST /features/v1/online:get\n{\"entities\":[{\"shop\":\"s\",\"till\":7},{\"shop\":\"t\",\"till\":8}],\"context\":[{\"amount\":2.5,\"note\":\"x\",\"at\":\"2018-04-01T00:00:31Z\",\"units\":null},{\"amount\":\"1\",\"note\":null,\"at\":null,\"units\":3}]}",
            "POST /features/v1:get\n{\"features\":[\"dearness\",\"tills@2:ever\"],\"entities\":[{\"shop\":\"s\",\"till\":7}],\"context\":{\"amount\":2.5},\"as_of\":\"stream\"}",
            "GET /healthz\n",
        ];
        return requests.Select(Encoding.UTF8.GetBytes);
    }

    public override Verdict Run(byte[] input)
    {
        int end = input.AsSpan().IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? input : input.AsSpan(0, end);
        ReadOnlySpan<byte> body = end < 0 ? default : input.AsSpan(end + 1);
        byte[] head = Encoding.ASCII.GetBytes($" HTTP/1.1\r\nHost: x\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n");
        byte[] answer = _store.Exchange(_store.Http, [.. line, .. head, .. body], RunningStore.AnswerMax);
        _store.CheckErrors();
        string text = Encoding.UTF8.GetString(answer);
        WrongAnswerException.Unless(text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), $"no HTTP: {text[..Math.Min(200, text.Length)]}");
        int status = int.Parse(text.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture);
        WrongAnswerException.Unless(status is not 500 && !text.Contains("a bug of ours", StringComparison.Ordinal), text);
        CheckJson(answer, text);
        return status is 200 or 204 ? Verdict.Accept($"{Encoding.ASCII.GetString(line[..Math.Min(line.Length, 12)])} {Statuses(text)}") : Verdict.Refuse(Detail(text, status));
    }

    public override void CheckAlive() => _store.CheckAlive();

    public override void Dispose() => _store.Dispose();

    private static void CheckJson(byte[] answer, string text)
    {
        int start = answer.AsSpan().IndexOf("\r\n\r\n"u8);
        if (start < 0 || !text.Contains("Content-Type: application/", StringComparison.Ordinal))
        {
            return;
        }

        ReadOnlyMemory<byte> body = text.Contains("Transfer-Encoding: chunked", StringComparison.Ordinal) ? Unchunked(answer.AsSpan(start + 4)) : answer.AsMemory(start + 4);
        if (body.IsEmpty)
        {
            return;
        }

        try
        {
            using var _ = JsonDocument.Parse(body);
        }
        catch (JsonException broken)
        {
            throw new WrongAnswerException($"an answer is not the JSON that it says it is: {text}", broken);
        }
    }

    private static byte[] Unchunked(ReadOnlySpan<byte> chunks)
    {
        var body = new List<byte>();
        while (chunks.IndexOf("\r\n"u8) is var end and > 0 && int.Parse(Encoding.ASCII.GetString(chunks[..end]), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture) is var length and > 0)
        {
            body.AddRange(chunks.Slice(end + 2, length));
            chunks = chunks[(end + 4 + length)..];
        }

        return [.. body];
    }

    /// <summary>Which statuses of values or results occur: what tells answers apart.</summary>
    private static string Statuses(string text) => string.Concat(
        ((string[])["ACCEPTED", "DUPLICATE", "LATE", "QUARANTINED", "\"PRESENT\"", "NULL_VALUE", "NOT_FOUND", "APPROXIMATE", "OUTSIDE_RETENTION", "INVALID", "unknown"]).Select(status => text.Contains(status, StringComparison.Ordinal) ? '+' : '-'));

    private static string Detail(string text, int status)
    {
        int at = text.IndexOf("\"detail\":\"", StringComparison.Ordinal);
        return at < 0 ? $"status {(char)('a' + (status % 26))}" : text[(at + 10)..Math.Min(text.Length, at + 80)];
    }
}
