using System.Net.Http.Headers;
using System.Text.Json;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>
/// Over REST, HTTP/1.1. A connection carries one request at a time, so there are as many as requests have been under way at once. Answers to lookups are read to the end and not parsed: what a client
/// makes of them is no time of the store's. Safe for concurrent use.
/// </summary>
internal sealed class RestCalls : IStoreCalls
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly TrafficSchema _traffic;
    private readonly TimeSpan _timeout;
    private readonly HttpClient _http;
    private int _connections;

    /// <param name="server">Where the store's REST is.</param>
    /// <param name="traffic">What is asked for, and the fields of events.</param>
    /// <param name="connectionsMax">At most so many.</param>
    /// <param name="timeout">How long an answer may take.</param>
    public RestCalls(Uri server, TrafficSchema traffic, int connectionsMax, TimeSpan timeout)
    {
        (_traffic, _timeout) = (traffic, timeout);
        var handler = new SocketsHttpHandler
        {
            MaxConnectionsPerServer = connectionsMax,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            PlaintextStreamFilter = (opened, _) =>
            {
                Interlocked.Increment(ref _connections);
                return ValueTask.FromResult(opened.PlaintextStream);
            },
        };
        _http = new HttpClient(handler) { BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan };
    }

    public string Transport => "REST";

    public int Connections => Volatile.Read(ref _connections);

    public Func<CancellationToken, Task<LoadOutcome>> Ready(GetFeaturesRequest lookup)
    {
        (string path, byte[] body) = ($"/features/v1/{Uri.EscapeDataString(_traffic.Service)}:get", RestBodies.Of(lookup));
        return async abandoned => (await PostAsync(path, body, abandoned).ConfigureAwait(false)).Outcome;
    }

    public async Task<LoadOutcome> ObserveAsync(ObserveAndGetRequest request, CancellationToken abandoned)
    {
        string path = $"/features/v1/{Uri.EscapeDataString(_traffic.Service)}:observe";
        (LoadOutcome outcome, string? result) = await PostAsync(path, RestBodies.Of(request, _traffic.Schema), answer => answer.GetProperty("result").GetString(), abandoned).ConfigureAwait(false);
        return !outcome.IsOk || result == "ACCEPTED" ? outcome : CallOutcome.NotAccepted(result ?? "");
    }

    public Task<(LoadOutcome Outcome, PushResponse? Answer)> PushAsync(PushRequest batch, CancellationToken abandoned) =>
        PostAsync($"/events/v1/{Uri.EscapeDataString(batch.Stream)}", RestBodies.Of(batch.Columns, _traffic.Schema), AnswerOf, abandoned);

    public void Dispose() => _http.Dispose();

    private static PushResponse AnswerOf(JsonElement answer)
    {
        var read = new PushResponse
        {
            Accepted = answer.GetProperty("accepted").GetUInt64(),
            Duplicates = answer.GetProperty("duplicates").GetUInt64(),
            Late = answer.GetProperty("late").GetUInt64(),
            Quarantined = answer.GetProperty("quarantined").GetUInt64(),
            Token = new ConsistencyToken(),
        };
        JsonElement token = answer.GetProperty("token");
        read.Token.Partitions.AddRange(token.GetProperty("partitions").EnumerateArray().Select(partition => partition.GetUInt32()));
        read.Token.Offsets.AddRange(token.GetProperty("offsets").EnumerateArray().Select(offset => offset.GetUInt64()));
        if (read.Quarantined > 0)
        {
            JsonElement refused = answer.GetProperty("results").EnumerateArray().First(result => result.TryGetProperty("reason", out _));
            read.Refusals.Add(new Refusal { Reason = refused.GetProperty("reason").GetString() });
        }

        return read;
    }

    private async Task<(LoadOutcome Outcome, T? Answer)> PostAsync<T>(string path, byte[] body, Func<JsonElement, T?> read, CancellationToken abandoned)
        where T : class
    {
        (LoadOutcome outcome, byte[] answer) = await PostAsync(path, body, abandoned).ConfigureAwait(false);
        if (!outcome.IsOk)
        {
            return (outcome, null);
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            return (outcome, read(document.RootElement));
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // Something between us and the store answers in its place.
            return (new LoadOutcome("UNREADABLE", exception.Message), null);
        }
    }

    private async Task<(LoadOutcome Outcome, byte[] Body)> PostAsync(string path, byte[] body, CancellationToken abandoned)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(abandoned);
        limit.CancelAfter(_timeout);
        try
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = Json;
            using HttpResponseMessage response = await _http.PostAsync(path, content, limit.Token).ConfigureAwait(false);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(limit.Token).ConfigureAwait(false);
            return (response.IsSuccessStatusCode ? LoadOutcome.Answered : CallOutcome.Of(response, answer), answer);
        }
        catch (OperationCanceledException)
        {
            return (new LoadOutcome(abandoned.IsCancellationRequested ? CallOutcome.Cancelled : LoadOutcome.DeadlineExceeded, ""), []);
        }
        catch (HttpRequestException exception)
        {
            return (new LoadOutcome(CallOutcome.Unavailable, exception.Message), []);
        }
    }
}
