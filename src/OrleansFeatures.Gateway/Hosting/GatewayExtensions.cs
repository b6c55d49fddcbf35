using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Admin;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Feast;
using OrleansFeatures.Gateway.Health;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Gateway.Subscribe;

namespace OrleansFeatures.Gateway.Hosting;

/// <summary>Puts the gateway into an ASP.NET Core application: what it needs as services, and its endpoints.</summary>
public static class GatewayExtensions
{
    /// <summary>
    /// The caller has registered <see cref="IEntityHost"/>, <see cref="ServerLife"/>, <see cref="MetadataDatabase"/>, <see cref="Quarantine"/>, <see cref="LateOutput"/> and <see cref="DefinitionRegistry"/>, and
    /// <see cref="TimeProvider"/>, <see cref="BackfillRight"/>, <see cref="CrossOrigin"/> and <see cref="PredictionHistory"/> if they are not to be the system's, nobody's, none and the default. Everything is a singleton: one instance answers every call.
    /// </summary>
    public static IServiceCollection AddGateway(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(BackfillRight.Nobody);
        services.TryAddSingleton(PredictionHistory.Default);
        services.TryAddSingleton(CrossOrigin.None);
        services.TryAddSingleton(new AdmissionLimits());
        services.AddSingleton<CallAdmission>();
        services.AddSingleton<IngestRoom>();
        services.AddSingleton<Ingestion>();
        services.AddSingleton<BodyIntake>();
        services.AddSingleton<Predictions>();
        services.AddSingleton<KeptAmendments>();
        services.AddSingleton<AmendmentStreams>();
        services.AddHostedService<AmendmentDetection>();
        services.AddSingleton<FeatureReads>();
        services.AddSingleton<Observation>();
        services.AddSingleton<TrainingReads>();
        services.AddSingleton<Explanations>();
        services.AddSingleton<Subscriptions>();
        services.AddSingleton<FailureInterceptor>();
        services.AddSingleton<IngestService>();
        services.AddSingleton<FeatureService>();
        services.AddSingleton<DefinitionChanges>();
        services.AddSingleton<RegistryService>();
        services.AddSingleton<Reconciling>();
        services.AddSingleton<Replaying>();
        services.AddSingleton<AdminService>();
        services.AddSingleton<HealthServiceImpl>();
        services.AddSingleton<OnlineFeatures>();
        services.AddSingleton<FramePush>();
        services.AddSingleton<ServingService>();
        services.AddSingleton<FeatureServer>();
        services.AddGrpc(options =>
        {
            options.MaxReceiveMessageSize = Limits.MessageBytesMax;
            options.Interceptors.Add<FailureInterceptor>();
        });
        services.AddMessageChecks();
        return services;
    }

    /// <summary>Maps every gRPC service and REST path. From then on health says SERVING if the server is ready, until <see cref="ServerLife.BeginLeave"/>.</summary>
    public static WebApplication MapGateway(this WebApplication app)
    {
        app.UseRestEdge(app.Services.GetRequiredService<CrossOrigin>());
        // A group without a prefix: whatever is mapped in it has to pass admission.
        RouteGroupBuilder calls = app.MapGroup("");
        ((IEndpointConventionBuilder)calls).Finally(app.Services.GetRequiredService<CallAdmission>().Guard);
        calls.MapGrpcService<IngestService>();
        calls.MapGrpcService<FeatureService>();
        calls.MapGrpcService<RegistryService>();
        calls.MapGrpcService<AdminService>();
        calls.MapGrpcService<HealthServiceImpl>();
        calls.MapGrpcService<ServingService>();
        calls.MapGrpcService<FeatureServer>();
        calls.MapRest();
        FeastEndpoints.Map(calls);
        ServeHealth(app.Services.GetRequiredService<HealthServiceImpl>(), app.Services.GetRequiredService<ServerLife>());
        return app;
    }

    private static void ServeHealth(HealthServiceImpl health, ServerLife life)
    {
        string[] services =
        [
            "", V1.IngestService.Descriptor.FullName, V1.FeatureService.Descriptor.FullName, V1.RegistryService.Descriptor.FullName, V1.AdminService.Descriptor.FullName,
            global::Feast.Serving.ServingService.Descriptor.FullName, global::Feast.Serving.GrpcFeatureServer.Descriptor.FullName,
        ];
        foreach (string service in services)
        {
            health.SetStatus(service, life.NotReadyBecause is null ? HealthCheckResponse.Types.ServingStatus.Serving : HealthCheckResponse.Types.ServingStatus.NotServing);
        }

        life.Leaving.Register(health.Stop);
    }
}
