using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>One running store with the fraud definitions and five transactions in it, which the tests of a class read and never change.</summary>
public sealed class ReadStoreFixture : IAsyncLifetime
{
    /// <summary>Customer 596 has two close together, one in the month before and one two days after; the newest event of the stream is another customer's.</summary>
    private const string Events = """
        tx_id,tx_time,customer_id,terminal_id,amount,fraud
        1,2018-04-01T10:00:00Z,596,3156,10,0
        2,2018-04-01T11:00:00Z,596,3156,20,1
        3,2018-04-03T11:00:00Z,596,7,90,0
        4,2018-04-09T10:30:00Z,4961,3156,5,0
        5,2018-03-01T11:00:00Z,596,7,90,0

        """;

    private readonly StoreFixture _store = new();

    /// <summary>Where the commands find it.</summary>
    public string Grpc => _store.Store.Grpc;

    public async ValueTask InitializeAsync()
    {
        await _store.InitializeAsync();
        CommandRun push = await CommandRun.RunAsync(["push", "--server", Grpc, "--stream", "transactions", "--file", "-"], System.Text.Encoding.UTF8.GetBytes(Events));
        push.ExitCode.ShouldBe(0, push.Error);
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();
}
