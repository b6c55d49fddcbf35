using System.Net;
using System.Text.Json;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>Feast's paths over a store that is full, slow or broken.</summary>
public sealed class FeastTroubleTests
{
    private const string Push = """{"push_source_name": "clicks", "df": {"id": [1], "at": ["2018-04-01 00:00:01"], "user": ["ada"], "shop": [1], "amount": [2.5]}}""";

    [Fact]
    public async Task A_full_store_says_when_to_come_back_and_has_kept_nothing()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.IsFull = true;
        using (HttpResponseMessage refused = await PostAsync(store))
        {
            refused.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            refused.Headers.RetryAfter.ShouldNotBeNull();
            JsonElement detail = await DetailAsync(refused);
            detail.GetProperty("class").GetString().ShouldBe("FeastError");
            detail.GetProperty("code").GetString().ShouldBe("RESOURCE_EXHAUSTED");
        }

        store.Host.IsFull = false;
        await ShouldHaveTakenAsync(store, "accepted");
    }

    [Fact]
    public async Task A_push_that_nobody_can_read_yet_is_acknowledged_all_the_same()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();

        // Waits until the push has lost its patience.
        store.Host.WhileWaiting = static async patience => await new TaskCompletionSource().Task.WaitAsync(patience);
        await ShouldHaveTakenAsync(store, "accepted");
        store.Host.WhileWaiting = static _ => throw new TooManyWaitersException();
        await ShouldHaveTakenAsync(store, "duplicates");
    }

    [Fact]
    public async Task A_bug_of_ours_is_a_FeastError_and_tells_no_secrets()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.BeforeNextRead = static () => throw new InvalidOperationException("the inside of the machine");
        using var body = new StringContent("""{"features": ["user_stats:n"], "entities": {"user": ["ada"]}}""");
        using HttpResponseMessage failed = await store.Http.PostAsync("/get-online-features", body, RunningStore.Cancelled);
        failed.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        JsonElement detail = await DetailAsync(failed);
        detail.GetProperty("class").GetString().ShouldBe("FeastError");
        detail.GetProperty("message").GetString()!.ShouldNotContain("inside");
    }

    [Fact]
    public async Task Definitions_that_change_under_a_read_change_its_names_too()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        const string Service = """{name: user_only, version: 1, features: ["user_stats:n", "user_stats:total"]}""";
        string next = Definitions.Everything.Replace(Service, $"{Service}\n  - {{name: user_only, version: 2, features: [\"user_stats:mean\", \"user_stats:total\", \"user_stats:n\"]}}", StringComparison.Ordinal);
        store.Host.BeforeNextRead = async () => await new RegistryService.RegistryServiceClient(store.Channel).ApplyAsync(
            new ApplyRequest { Files = { new DefinitionFile { Name = "everything.yaml", Content = next } } }, cancellationToken: RunningStore.Cancelled);
        using var body = new StringContent("""{"feature_service": "user_only", "entities": {"user": ["ada"]}}""");
        using HttpResponseMessage answered = await store.Http.PostAsync("/get-online-features", body, RunningStore.Cancelled);
        using JsonDocument answer = JsonDocument.Parse(await answered.Content.ReadAsStringAsync(RunningStore.Cancelled));
        FeastCalls.NamesOf(answer.RootElement).ShouldBe(["user", "mean", "total", "n"]);
        FeastCalls.ValuesOf(answer.RootElement, "n").ShouldBe("[0]");
    }

    private static async Task<HttpResponseMessage> PostAsync(TroubledStore store)
    {
        using var body = new StringContent(Push);
        return await store.Http.PostAsync("/push", body, RunningStore.Cancelled);
    }

    private static async Task ShouldHaveTakenAsync(TroubledStore store, string count)
    {
        using HttpResponseMessage taken = await PostAsync(store);
        string text = await taken.Content.ReadAsStringAsync(RunningStore.Cancelled);
        taken.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        using JsonDocument document = JsonDocument.Parse(text);
        document.RootElement.GetProperty(count).GetInt64().ShouldBe(1, text);
    }

    private static async Task<JsonElement> DetailAsync(HttpResponseMessage failed)
    {
        string detail = JsonSerializer.Deserialize<string>(await failed.Content.ReadAsStringAsync(RunningStore.Cancelled))!;
        using JsonDocument document = JsonDocument.Parse(detail);
        return document.RootElement.Clone();
    }
}
