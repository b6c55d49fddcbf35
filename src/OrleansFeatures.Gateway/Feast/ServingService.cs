using Feast.Serving;
using Grpc.Core;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>What Feast's Java and Go servers serve over gRPC.</summary>
public sealed class ServingService(OnlineFeatures features) : global::Feast.Serving.ServingService.ServingServiceBase
{
    private static readonly string Version = $"OrleansFeatures {typeof(ServingService).Assembly.GetName().Version?.ToString(3)}";

    public override Task<GetFeastServingInfoResponse> GetFeastServingInfo(GetFeastServingInfoRequest request, ServerCallContext context) =>
        Task.FromResult(new GetFeastServingInfoResponse { Version = Version });

    public override Task<GetOnlineFeaturesResponse> GetOnlineFeatures(GetOnlineFeaturesRequest request, ServerCallContext context) =>
        features.AnswerAsync(request, context.CancellationToken);
}
