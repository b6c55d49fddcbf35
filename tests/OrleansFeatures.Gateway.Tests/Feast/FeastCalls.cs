using System.Net;
using System.Text;
using System.Text.Json;
using OrleansFeatures.Gateway.Tests.Serving;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>Calls as Feast's clients make them.</summary>
internal static class FeastCalls
{
    public static Task<RunningStore> StartAsync() => RunningStore.StartAsync(Drivers.Definitions);

    /// <summary>Feast's documentation posts with curl and <c>requests.post(data=…)</c>, neither of which says that it is JSON.</summary>
    public static async Task<string> PostTextAsync(RunningStore store, string path, string body, HttpStatusCode expected = HttpStatusCode.OK, string mediaType = "application/x-www-form-urlencoded")
    {
        using var content = new StringContent(body, Encoding.UTF8, mediaType);
        using HttpResponseMessage response = await store.Http.PostAsync(path, content, RunningStore.Cancelled);
        string text = await response.Content.ReadAsStringAsync(RunningStore.Cancelled);
        response.StatusCode.ShouldBe(expected, text);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        return text;
    }

    public static async Task<JsonElement> PostAsync(RunningStore store, string path, string body)
    {
        using JsonDocument document = JsonDocument.Parse(await PostTextAsync(store, path, body));
        return document.RootElement.Clone();
    }

    /// <summary>Reads a failed call as Feast's client does: the body is a JSON string, its text is JSON, and that names a class to raise.</summary>
    public static async Task<(string Class, string Message)> FailAsync(RunningStore store, string path, string body, HttpStatusCode expected)
    {
        string detail = JsonSerializer.Deserialize<string>(await PostTextAsync(store, path, body, expected))!;
        using JsonDocument document = JsonDocument.Parse(detail);
        document.RootElement.GetProperty("module").GetString().ShouldBe("feast.errors");
        return (document.RootElement.GetProperty("class").GetString()!, document.RootElement.GetProperty("message").GetString()!);
    }

    public static string[] NamesOf(JsonElement answer) => [.. answer.GetProperty("metadata").GetProperty("feature_names").EnumerateArray().Select(name => name.GetString()!)];

    /// <summary>One vector of the answer, by the name that stands for it.</summary>
    public static JsonElement VectorOf(JsonElement answer, string name) => answer.GetProperty("results")[Array.IndexOf(NamesOf(answer), name)];

    public static string ValuesOf(JsonElement answer, string name) => VectorOf(answer, name).GetProperty("values").GetRawText();

    public static string[] StatusesOf(JsonElement answer, string name) => [.. VectorOf(answer, name).GetProperty("statuses").EnumerateArray().Select(status => status.GetString()!)];
}
