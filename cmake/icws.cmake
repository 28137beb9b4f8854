# The three shapes of target in this project. A folder is a module is a target.

# icws_library(NAME base [PURE] SOURCES a.cc b.cc DEPS ...) makes icws_base.
# PURE says that the module is of level 0-3: it may not link Asio, OpenSSL's TLS or gRPC.
# tests/tidy checks includes against the levels; this keeps the link line honest as well.
function(icws_library)
  cmake_parse_arguments(ARG "PURE" "NAME" "SOURCES;DEPS" ${ARGN})
  set(target icws_${ARG_NAME})
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    target_link_libraries(${target} PUBLIC icws_options ${ARG_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE icws_options ${ARG_DEPS})
  endif()
  if(ARG_PURE)
    foreach(dep IN LISTS ARG_DEPS)
      if(dep MATCHES "gRPC|OpenSSL::SSL|Boost::(system|context)")
        message(FATAL_ERROR "${target} is pure and may not link ${dep}")
      endif()
    endforeach()
  endif()
endfunction()

# icws_program(NAME icws-adapter SOURCES main.cc DEPS ...) puts the program into build/bin.
function(icws_program)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE icws_options ${ARG_DEPS})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# UBSan goes on after a finding unless told to stop. And the programs that a test starts print where nobody
# looks, a supervisor even starts them again: reports go to files, and scripts/test fails if there is one.
# (Not UBSan's when ASan is there too: of gcc's two runtimes it has no log_path then, and only ends.)
set(ICWS_TEST_ENVIRONMENT ICWS_BIN=${CMAKE_BINARY_DIR}/bin ICWS_SOURCE=${PROJECT_SOURCE_DIR})
if(SANITIZE)
  set(ICWS_REPORTS ${CMAKE_BINARY_DIR}/sanitizer)
  file(MAKE_DIRECTORY ${ICWS_REPORTS})
  list(APPEND ICWS_TEST_ENVIRONMENT
    ASAN_OPTIONS=log_path=${ICWS_REPORTS}/report:detect_stack_use_after_return=1
    UBSAN_OPTIONS=log_path=${ICWS_REPORTS}/report:halt_on_error=1:print_stacktrace=1
    TSAN_OPTIONS=log_path=${ICWS_REPORTS}/report)
endif()

# icws_test(NAME ws_codec_test [TIMEOUT 60] [LABEL unit] SOURCES ... DEPS ...): one GoogleTest program, one ctest.
function(icws_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT;LABEL" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  if(SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE icws_options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_LABEL}
    ENVIRONMENT "${ICWS_TEST_ENVIRONMENT}")
endfunction()

# icws_proto(NAME adapter_proto [GRPC] FILES icws/adapter/v1/adapter.proto DEPS other_proto)
function(icws_proto)
  cmake_parse_arguments(ARG "GRPC" "NAME" "FILES;DEPS" ${ARGN})
  set(gen ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${gen})
  set(outputs)
  foreach(file IN LISTS ARG_FILES)
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(out ${gen}/${stem}.pb.cc ${gen}/${stem}.pb.h)
    set(args --cpp_out=${gen})
    if(ARG_GRPC)
      list(APPEND out ${gen}/${stem}.grpc.pb.cc ${gen}/${stem}.grpc.pb.h)
      list(APPEND args --grpc_out=${gen} --plugin=protoc-gen-grpc=${ICWS_GRPC_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${out}
      COMMAND protobuf::protoc -I ${PROJECT_SOURCE_DIR}/proto ${args} ${file}
      DEPENDS ${PROJECT_SOURCE_DIR}/proto/${file} VERBATIM)
    list(APPEND outputs ${out})
  endforeach()
  add_library(icws_${ARG_NAME} STATIC ${outputs})
  target_include_directories(icws_${ARG_NAME} SYSTEM PUBLIC ${gen})
  target_link_libraries(icws_${ARG_NAME} PUBLIC protobuf::libprotobuf ${ARG_DEPS})
  if(ARG_GRPC)
    target_link_libraries(icws_${ARG_NAME} PUBLIC gRPC::grpc++)
  endif()
endfunction()
