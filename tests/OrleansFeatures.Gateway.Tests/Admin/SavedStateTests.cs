using System.Net;
using System.Text;
using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admin;

public sealed class SavedStateTests
{
    [Fact]
    public async Task A_damaged_record_silences_its_entity_by_file_and_place_and_a_replay_mends_it()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Columns(0, 50), cancellationToken: RunningStore.Cancelled);
        ConsistencyToken token = (await store.Ingest.PushAsync(Clicks.Columns(50, 50, "bob"), cancellationToken: RunningStore.Cancelled)).Token;
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        await store.RestartAsync(whileClosed: () => FlipIn(Path.Combine(store.DataDirectory, "state"), KeyOf("ada")));

        var lost = await Should.ThrowAsync<RpcException>(async () => await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled));
        lost.StatusCode.ShouldBe(StatusCode.DataLoss);
        lost.Status.Detail.ShouldContain(Path.Combine(store.DataDirectory, "state"));
        lost.Status.Detail.ShouldContain(", byte ");
        using HttpResponseMessage rest = await store.Http.GetAsync("/features/v1/user/ada?as_of=stream", RunningStore.Cancelled);
        rest.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        GetFeaturesResponse bob = await store.Features.GetFeaturesAsync(Clicks.Ask("bob", 100, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        bob.Rows.Int64S[0].ShouldBe(50, "neighbours go on");

        using (var replay = store.Admin.Replay(new ReplayRequest(), cancellationToken: RunningStore.Cancelled))
        {
            while (await replay.ResponseStream.MoveNext(RunningStore.Cancelled))
            {
                replay.ResponseStream.Current.LogRecordsRead.ShouldBeLessThanOrEqualTo(replay.ResponseStream.Current.LogRecordsTotal);
            }
        }

        (await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled)).Rows.Int64S[0].ShouldBe(50);
    }

    [Fact]
    public async Task A_checkpoint_is_told_with_how_far_it_reaches_and_what_is_behind_it()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ConsistencyToken token = (await store.Ingest.PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled)).Token;
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        CheckpointStatus checkpoint = await store.Admin.CheckpointAsync(new CheckpointRequest(), cancellationToken: RunningStore.Cancelled);
        checkpoint.ThroughSequence.ShouldBe(299, "three copies of each event");
        checkpoint.LogRecordsBehind.ShouldBe(0ul);
        checkpoint.Entities.ShouldBe(3ul);
        checkpoint.Bytes.ShouldBeGreaterThan(0ul);
        token = (await store.Ingest.PushAsync(Clicks.Columns(100, 10), cancellationToken: RunningStore.Cancelled)).Token;
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 100, token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        GetStatusResponse status = await store.Admin.GetStatusAsync(new GetStatusRequest(), cancellationToken: RunningStore.Cancelled);
        status.Checkpoint.Number.ShouldBe(checkpoint.Number);
        status.Checkpoint.LogRecordsBehind.ShouldBe(30ul);
        status.Losses.ShouldBeEmpty();
        status.Partitions.Aggregate(0ul, (sum, partition) => sum + partition.Awake).ShouldBe(3ul);
    }

    [Fact]
    public async Task A_failed_checkpoint_is_refused_by_what_failed()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var admin = new AdminService.AdminServiceClient(store.Channel);
        store.Host.CheckpointFailure = new StateFullException("writing state-00000001.data", new IOException("No space left on device"));
        (await Should.ThrowAsync<RpcException>(async () => await admin.CheckpointAsync(new CheckpointRequest(), cancellationToken: RunningStore.Cancelled))).StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        store.Host.CheckpointFailure = new StateWriteException("writing state-00000001.data", new IOException("Input/output error"));
        (await Should.ThrowAsync<RpcException>(async () => await admin.CheckpointAsync(new CheckpointRequest(), cancellationToken: RunningStore.Cancelled))).StatusCode.ShouldBe(StatusCode.Unavailable);
    }

    internal static byte[] KeyOf(string user) => [(byte)'s', 0, (byte)user.Length, .. Encoding.UTF8.GetBytes(user)];

    /// <summary>Flips a bit in every record that names the key.</summary>
    internal static void FlipIn(string directory, byte[] key)
    {
        int flipped = 0;
        foreach (string file in Directory.GetFiles(directory, "*.data", SearchOption.AllDirectories))
        {
            byte[] bytes = File.ReadAllBytes(file);
            for (int at = bytes.AsSpan().IndexOf(key); at >= 0 && at < bytes.Length; at = Next(bytes, key, at))
            {
                bytes[at + key.Length - 1] ^= 1;
                flipped++;
            }

            File.WriteAllBytes(file, bytes);
        }

        flipped.ShouldBeGreaterThan(0, $"no state file below {directory} names the key");
    }

    private static int Next(byte[] bytes, byte[] key, int at)
    {
        int further = bytes.AsSpan(at + key.Length).IndexOf(key);
        return further < 0 ? -1 : at + key.Length + further;
    }
}
