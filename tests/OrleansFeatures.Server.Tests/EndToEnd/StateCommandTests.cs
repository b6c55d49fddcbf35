using System.Text.Json;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class StateCommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string Data => _directory.File("data");

    private string State => Path.Combine(Data, "state", "a");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Checkpoints_are_listed_and_verified_while_they_are_open()
    {
        using SnapshotStore store = TwoCheckpoints();
        CommandRun inspect = await CommandRun.RunAsync(["state", "inspect", "--data", Data]);
        inspect.ExitCode.ShouldBe(0, inspect.Error);
        inspect.Out.ShouldContain($"{State}: checkpoint 2 of 20");
        inspect.Out.ShouldContain("everything through sequence 1,234 of the log, definitions 000000000000abcd");
        inspect.Out.ShouldContain("state-00000001");
        JsonElement generation = JsonDocument.Parse((await CommandRun.RunAsync(["state", "inspect", "--data", Data, "--output", "json"])).Out).RootElement.GetProperty("generations")[0];
        generation.GetProperty("files").GetArrayLength().ShouldBe(2);
        generation.GetProperty("through_sequence").GetInt64().ShouldBe(1_234);

        CommandRun verify = await CommandRun.RunAsync(["state", "verify", "--data", Data]);
        verify.ExitCode.ShouldBe(0, verify.Error + verify.Out);
        verify.Out.ShouldContain("20 sound records");
        verify.Out.ShouldContain("sound: every byte is as it was written");
    }

    [Fact]
    public async Task A_flipped_bit_of_a_state_file_is_named_with_what_it_concerns()
    {
        string file;
        using (SnapshotStore store = TwoCheckpoints())
        {
            file = store.Files[0].Path;
        }

        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 3] ^= 1;
        File.WriteAllBytes(file, bytes);
        CommandRun verify = await CommandRun.RunAsync(["state", "verify", "--data", Data]);
        verify.ExitCode.ShouldBe(1);
        verify.Out.ShouldContain($"DAMAGED  {file}, byte ");
        verify.Out.ShouldContain("Concerned: ");
        JsonElement report = JsonDocument.Parse((await CommandRun.RunAsync(["state", "verify", "--data", Data, "--output", "json"])).Out).RootElement;
        report.GetProperty("sound").GetBoolean().ShouldBeFalse();
        report.GetProperty("files").EnumerateArray().Single(entry => entry.GetProperty("damage").GetArrayLength() > 0).GetProperty("file").GetString().ShouldBe(file);
        File.ReadAllBytes(file).ShouldBe(bytes, "looking changes nothing");
    }

    [Fact]
    public async Task A_store_without_state_is_said_to_have_none()
    {
        Directory.CreateDirectory(Data);
        CommandRun run = await CommandRun.RunAsync(["state", "verify", "--data", Data]);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain($"{Data}: no state in this directory");
    }

    private SnapshotStore TwoCheckpoints()
    {
        SnapshotStore store = SnapshotStore.Open(new SnapshotOptions { Directory = State, StoreId = Guid.NewGuid(), PartitionCount = 4 }, new FileLogDevice(), TimeProvider.System);
        for (int checkpoint = 0; checkpoint < 2; checkpoint++)
        {
            using SnapshotWriter writer = store.Begin(compact: false);
            for (uint record = 0; record < 10; record++)
            {
                writer.Add(StateRecordKind.Entity, 1, 7, record, record, 0, new byte[500]);
            }

            writer.Commit(new SnapshotHead { Fingerprint = 0xabcd, Through = new LogSequence(1_234), Applied = [0, 0, 0, 0] });
        }

        return store;
    }
}
